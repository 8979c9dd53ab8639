//! The commented file that packages install: every key, its meaning and its default.

use std::{collections::HashSet, fmt::Write as _};

use clap::Arg;

use super::{Definition, definition::is_list, show::toml};

/// Columns of a comment.
const WIDTH: usize = 100;

const HEAD: &str = "\
# The configuration of `whohungup run`, read from /etc/whohungup/whohungup.toml or from --config FILE.
# Every key is a long flag of `whohungup run`; a flag beats the environment, which beats this file.
# Try a change with `whohungup config check FILE` and `whohungup config show`; see docs/configuration.md.
# Keys are shown with their defaults; those without one have what their value looks like.
";

/// The text of deploy/whohungup.toml.
pub fn sample() -> String {
    let definition = Definition::new();
    let mut text = HEAD.to_owned();
    let mut headings: Vec<Option<&str>> = definition.keys().map(Arg::get_help_heading).collect();
    headings.sort_by_key(Option::is_some);
    let mut written = HashSet::new();
    headings.retain(|heading| written.insert(*heading));
    let grouped = headings
        .iter()
        .flat_map(|heading| definition.keys().filter(move |arg| arg.get_help_heading() == *heading));
    let mut heading = None;
    for arg in grouped {
        if arg.get_help_heading() != heading {
            heading = arg.get_help_heading();
            let _written = write!(text, "\n##### {} #####\n", heading.unwrap_or_default());
        }
        text.push('\n');
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        comment(&mut text, &help);
        let names: Vec<_> = arg.get_possible_values().iter().map(|one| one.get_name().to_owned()).collect();
        if !names.is_empty() {
            comment(&mut text, &format!("One of: {}", names.join(", ")));
        }
        if let Some(name) = arg.get_env() {
            comment(&mut text, &format!("Environment: {}", name.to_string_lossy()));
        }
        let _written = writeln!(text, "#{} = {}", arg.get_long().unwrap_or_default(), value(arg));
    }
    text
}

fn value(arg: &Arg) -> String {
    let mut values: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if values.is_empty() {
        values = arg.get_value_names().into_iter().flatten().map(ToString::to_string).take(1).collect();
    }
    toml(&values, is_list(arg))
}

fn comment(text: &mut String, words: &str) {
    let mut column = 0;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            text.push('\n');
            column = 0;
        }
        text.push_str(if column == 0 { "# " } else { " " });
        text.push_str(word);
        column += length + if column == 0 { 2 } else { 1 };
    }
    text.push('\n');
}
