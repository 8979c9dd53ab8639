//! `whohungup man` and `whohungup completions`: what the command line says of itself, for `man` and for shells.

use std::{
    fs,
    io::{self, Write as _},
};

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use roff::{Roff, bold, roman};

use crate::cli::{Cli, CompletionsArgs, ManArgs};

const NAME: &str = "whohungup";

/// Prints the completions of a shell.
///
/// # Errors
/// When they cannot be written.
pub fn completions(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut script);
    print(&script)
}

/// Prints the manual page of the whole, or writes the pages of all commands.
///
/// # Errors
/// When they cannot be written.
pub fn man(args: &ManArgs) -> anyhow::Result<()> {
    let commands = commands();
    let Some(directory) = &args.directory else { return print(&page(&commands[0])?) };
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    for command in &commands {
        let file = directory.join(format!("{}.1", title(command)));
        fs::write(&file, page(command)?).with_context(|| format!("write {}", file.display()))?;
    }
    Ok(())
}

fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("write to standard output"),
    }
}

/// The program, and then each of its commands.
fn commands() -> Vec<Command> {
    let mut whole = Cli::command().disable_help_subcommand(true);
    whole.build();
    let parts: Vec<_> = whole.get_subcommands().cloned().collect();
    std::iter::once(whole).chain(parts).collect()
}

/// `whohungup-watch` of `whohungup watch`.
fn title(command: &Command) -> String {
    command.get_display_name().unwrap_or(NAME).to_owned()
}

/// `Man::render` would put the examples under a heading that says nothing, and knows no exit status.
fn page(command: &Command) -> anyhow::Result<Vec<u8>> {
    let version = concat!("whohungup ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).title(title(command)).source(version).manual("whohungup manual");
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(&mut out)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut out)?;
    }
    ending(command).to_writer(&mut out)?;
    Ok(out)
}

fn ending(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (status, meaning) in [("0", "success"), ("1", failure(command)), ("2", "wrong usage")] {
        roff.control("TP", []).text([bold(status)]).text([roman(meaning)]);
    }
    if let Some(examples) = command.get_after_help() {
        roff.control("SH", ["EXAMPLES"]).control("nf", []);
        for line in examples.to_string().lines().skip_while(|line| line.starts_with("Example")) {
            roff.text([roman(line.trim_start())]);
        }
        roff.control("fi", []);
    }
    roff.control("SH", ["SEE ALSO"]);
    let others = commands().iter().map(title).filter(|other| *other != title(command)).collect::<Vec<_>>();
    roff.text([roman(others.iter().map(|other| format!("{other}(1)")).collect::<Vec<_>>().join(", "))]);
    roff.text([roman(env!("CARGO_PKG_REPOSITORY"))]);
    roff
}

fn failure(command: &Command) -> &'static str {
    match command.get_name() {
        "check" => "`whohungup run` would not start here",
        "selftest" => {
            "a verdict is not as it must be, or the probes cannot be loaded; standard error says why"
        }
        _ => "it failed; standard error says why and what to do",
    }
}

#[cfg(test)]
mod tests;
