use clap::{Parser as _, ValueEnum as _};
use clap_complete::Shell;

use super::*;

fn text(command: &Command) -> String {
    String::from_utf8(page(command).expect("a page")).expect("text")
}

/// The words of a shell's line up to a pipe or a redirection; what stands in quotes is one.
fn words(line: &str) -> Vec<String> {
    let command = line.split(['|', '>']).next().unwrap_or_default();
    let quoted = (0..).zip(command.split('\'')).flat_map(|(at, part)| match at % 2 {
        0 => part.split_whitespace().collect(),
        _ => vec![part],
    });
    quoted.map(str::to_owned).collect()
}

#[test]
fn every_command_has_examples_that_can_be_typed() {
    for command in commands() {
        let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines: Vec<_> =
            examples.lines().map(str::trim).filter(|line| line.starts_with("whohungup ")).collect();
        assert!(!lines.is_empty() || examples.contains("mcpServers"), "{}", title(&command));
        for line in lines {
            let parsed = Cli::try_parse_from(words(line));
            assert!(parsed.is_ok(), "{line}: {}", parsed.expect_err("an error"));
            let name = words(line).get(1).cloned();
            assert!(
                title(&command) == NAME || name.as_deref() == Some(command.get_name()),
                "{line} is no example of {}",
                command.get_name()
            );
        }
    }
}

#[test]
fn each_page_has_its_name_its_flags_its_exit_status_and_its_examples() {
    let pages = commands();
    assert!(pages.len() > 8, "{}", pages.len());
    for command in &pages {
        let page = text(command);
        for heading in [".SH NAME", ".SH SYNOPSIS", ".SH \"EXIT STATUS\"", ".SH EXAMPLES", ".SH \"SEE ALSO\""]
        {
            assert!(page.contains(heading), "{}: {heading}\n{page}", title(command));
        }
        for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
            let escaped = flag.replace('-', "\\-");
            assert!(page.contains(&format!("\\-\\-{escaped}")), "{}: --{flag}\n{page}", title(command));
        }
    }
}

#[test]
fn man_writes_one_file_for_each_command() {
    let directory = tempfile::tempdir().expect("a folder");
    man(&ManArgs { directory: Some(directory.path().join("man1")) }).expect("pages");

    for command in commands() {
        assert!(directory.path().join("man1").join(format!("{}.1", title(&command))).is_file());
    }
}

#[test]
fn each_shell_is_given_every_command() {
    for shell in Shell::value_variants() {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut Cli::command(), NAME, &mut script);
        let script = String::from_utf8(script).expect("text");
        for command in &commands()[1..] {
            assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
        }
    }
}
