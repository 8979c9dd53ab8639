//! Counts and sentences in English.

use crate::identity::ExitStatus;

/// `1 request`, `2 requests`.
pub fn counted(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// `was` for one, `were` for more.
pub(crate) fn was(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// With a capital to begin a sentence.
pub(crate) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

pub(crate) fn uncapitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// `2 by an exit with status 3, 1 by signal 9`.
pub(crate) fn exits(exits: &[(ExitStatus, u64)]) -> String {
    let parts: Vec<_> = exits
        .iter()
        .map(|(exit, count)| match exit {
            ExitStatus::Status(status) => format!("{count} by an exit with status {status}"),
            ExitStatus::Signal(signal) => format!("{count} by signal {signal}"),
        })
        .collect();
    parts.join(", ")
}
