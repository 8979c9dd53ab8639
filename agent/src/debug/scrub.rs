//! Texts without names, addresses and paths.

use std::net::IpAddr;

use super::names::{Names, is_token};

/// Paths that every Linux host and every daemon of this kind has.
const PUBLIC: [&str; 10] = [
    "/proc",
    "/sys",
    "/dev",
    "/api",
    "/metrics",
    "/healthz",
    "/readyz",
    "/etc/whohungup",
    "/etc/os-release",
    "/var/lib/whohungup",
];
/// In /proc, these lead to where a process has its files.
const AWAY: [&str; 3] = ["/root/", "/cwd/", "/exe/"];
const PUBLIC_HOSTS: [&str; 2] = ["localhost", "github.com"];

/// `text` with pseudonyms.
pub(super) fn scrubbed(text: &str, names: &mut Names) -> String {
    let mut text = text.to_owned();
    let present: Vec<_> = names.phrases().filter(|(name, _)| text.contains(name)).map(owned).collect();
    for (name, pseudonym) in present {
        text = replaced(&text, &name, &pseudonym);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    let mut before = None;
    while let Some(next) = rest.chars().next() {
        let (taken, said) = if before.is_some_and(|c: char| c.is_alphanumeric() || c == '_') {
            (next.len_utf8(), None)
        } else {
            one(rest, before, out.ends_with("://"), names).unwrap_or((next.len_utf8(), None))
        };
        out.push_str(said.as_deref().unwrap_or(&rest[..taken]));
        before = rest[..taken].chars().next_back();
        rest = &rest[taken..];
    }
    out
}

fn owned((name, pseudonym): (&str, &str)) -> (String, String) {
    (name.to_owned(), pseudonym.to_owned())
}

/// Where `name` stands by itself.
fn replaced(text: &str, name: &str, pseudonym: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        let is_apart = !before.chars().next_back().is_some_and(char::is_alphanumeric)
            && !after.chars().next().is_some_and(char::is_alphanumeric);
        out.push_str(before);
        out.push_str(if is_apart { pseudonym } else { name });
        rest = after;
    }
    out + rest
}

/// What begins `text`: how many bytes, and what to say in their place.
fn one(text: &str, before: Option<char>, of_url: bool, names: &mut Names) -> Option<(usize, Option<String>)> {
    if let Some((length, address)) = address(text) {
        return Some((length, Some(names.of_address(address))));
    }
    if text.starts_with('/') && before != Some('/') && before != Some(':') {
        return path(text).map(|path| (path.len(), (!is_public(path)).then(|| names.of("path", path))));
    }
    let length = text.find(|c| !is_token(c)).unwrap_or(text.len());
    let word = text[..length].trim_end_matches(['.', '-']);
    if word.is_empty() {
        return None;
    }
    let cut = text[word.len()..].starts_with('…');
    if let Some(said) = names.known(word, cut) {
        return Some((word.len(), Some(said.to_owned())));
    }
    if of_url && !PUBLIC_HOSTS.contains(&word) {
        return Some((word.len(), Some(names.of("host", word))));
    }
    // A name may be a part of another: that of a service in that of a host.
    let part = word.split(['.', '-']).next().filter(|part| !part.is_empty())?;
    Some((part.len(), names.known(part, false).map(str::to_owned)))
}

/// An address at the beginning, without its port.
fn address(text: &str) -> Option<(usize, IpAddr)> {
    let run = |allowed: fn(char) -> bool| text.find(|c| !allowed(c)).unwrap_or(text.len());
    let with = run(|c| c.is_ascii_hexdigit() || c == ':' || c == '.');
    let digits = run(|c| c.is_ascii_digit() || c == '.');
    [with, digits].into_iter().find_map(|length| {
        let word = text[..length].trim_end_matches(['.', ':']);
        // `::` ends with what also ends a sentence.
        let word = if text[..length] == *"::" { "::" } else { word };
        let ends = !text[word.len()..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
        Some((word.len(), word.parse().ok()?)).filter(|_| ends)
    })
}

/// A path at the beginning.
fn path(text: &str) -> Option<&str> {
    let length = text.find(|c| !(is_token(c) || matches!(c, '/' | '+' | '@'))).unwrap_or(text.len());
    Some(text[..length].trim_end_matches('.')).filter(|path| path.len() > 1)
}

fn is_public(path: &str) -> bool {
    let is_below =
        |known: &&str| path.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    PUBLIC.iter().any(is_below) && !AWAY.iter().any(|away| path.contains(away))
}
