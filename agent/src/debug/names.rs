//! Pseudonyms: the same for the same name throughout a bundle, and of no use outside it.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::LazyLock,
};

use whohungup_core::products::{Products, keywords::runtime_of};

/// An id of so many hexadecimal digits is also shown by its first ones.
const LONG_ID: usize = 32;
const SHORT_ID: usize = 12;

#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<String, String>,
    /// Those that are not one token: longest first.
    phrases: Vec<String>,
    counts: HashMap<&'static str, usize>,
}

impl Names {
    /// The pseudonym of `name`; what everybody runs keeps its name.
    pub(super) fn of(&mut self, kind: &'static str, name: &str) -> String {
        if name.is_empty() || is_public(name) {
            return name.to_owned();
        }
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let pseudonym = format!("{kind}-{count}");
        if name.len() >= LONG_ID && name.chars().all(|c| c.is_ascii_hexdigit()) {
            self.known.insert(name[..SHORT_ID].to_owned(), pseudonym.clone());
        }
        if !name.chars().all(is_token) {
            let at = self.phrases.partition_point(|other| other.len() >= name.len());
            self.phrases.insert(at, name.to_owned());
        }
        self.known.insert(name.to_owned(), pseudonym.clone());
        pseudonym
    }

    /// That of an address; those that every host has stay.
    pub(super) fn of_address(&mut self, address: IpAddr) -> String {
        let everywhere = ["127.0.0.1", "0.0.0.0", "::1", "::"];
        let text = address.to_string();
        if everywhere.contains(&text.as_str()) { text } else { self.of("ip", &text) }
    }

    /// Of a word in a text, if it is a name or the beginning of one that was `cut`.
    pub(super) fn known(&self, word: &str, cut: bool) -> Option<&str> {
        let whole = self.known.get(word);
        let begun = || self.known.iter().find(|(name, _)| name.starts_with(word)).map(|(_, known)| known);
        whole.or_else(|| if cut { begun() } else { None }).map(String::as_str)
    }

    /// Names of several words, longest first, each with its pseudonym.
    pub(super) fn phrases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.phrases.iter().filter_map(|name| Some((name.as_str(), self.known.get(name)?.as_str())))
    }
}

/// What a name of one word is made of.
pub(super) fn is_token(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// A product that is in the table of timeouts, or what such products run on.
fn is_public(name: &str) -> bool {
    static PUBLIC: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let each = Products::builtin().products().iter().flat_map(|product| {
            let lists = [&product.executables, &product.processes, &product.words, &product.server];
            lists.into_iter().flatten().chain([&product.name])
        });
        each.map(|name| name.to_lowercase()).collect()
    });
    let name = name.to_lowercase();
    // `nginx/1.22.1` is a server's header.
    let (product, version) = name.split_once('/').unwrap_or((&name, ""));
    let is_version = version.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_version && (PUBLIC.contains(product) || runtime_of(product).is_some())
}
