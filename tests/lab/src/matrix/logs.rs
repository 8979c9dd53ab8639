//! What nginx, Apache and HAProxy write about the requests of a connection, and what that says of its end.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::LazyLock,
};

use serde::Deserialize;

use super::software::Log;
use crate::{
    plays,
    truth::{Phase, Side},
};

/// Who ended it and where it stood, as far as a line tells: plays/server_logs.toml.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    pub(super) closer: Option<Side>,
    pub(super) phases: Vec<Phase>,
}

/// One line about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) target: String,
    pub(super) line: String,
    pub(super) account: Option<&'static Account>,
}

/// The lines of a log by the connection that they are about: the client's address, and a proxy's own towards the server.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) by_client: HashMap<SocketAddr, Vec<Entry>>,
    pub(super) by_upstream: HashMap<SocketAddr, Vec<Entry>>,
}

impl Accounts {
    pub(super) fn read(log: Log, text: &str) -> Self {
        let mut all = Self::default();
        for line in text.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            match (log, words.as_slice()) {
                (Log::Nginx, [client, status, sent, target]) => {
                    all.add(client, None, target, line, nginx(status, sent), None);
                }
                (Log::Apache, [client, _status, connection, target]) => {
                    all.add(client, None, target, line, WORDS.apache.get(*connection), None);
                }
                (Log::Haproxy, [client, upstream, _status, code, target]) => {
                    let of_both = (WORDS.haproxy.get(*code), WORDS.haproxy_upstream.get(*code));
                    all.add(client, Some(upstream), target, line, of_both.0, of_both.1);
                }
                _ => {}
            }
        }
        all
    }

    fn add(
        &mut self,
        client: &str,
        upstream: Option<&str>,
        target: &str,
        line: &str,
        account: Option<&'static Account>,
        of_upstream: Option<&'static Account>,
    ) {
        let entry = |account| Entry { target: target.to_owned(), line: line.to_owned(), account };
        if let Ok(client) = client.parse() {
            self.by_client.entry(client).or_default().push(entry(account));
        }
        if let Some(upstream) = upstream.and_then(|upstream| upstream.parse().ok()) {
            self.by_upstream.entry(upstream).or_default().push(entry(of_upstream));
        }
    }
}

/// By the word of a line that tells how it ended.
type Words = BTreeMap<String, Account>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    nginx: Words,
    apache: Words,
    haproxy: Words,
    haproxy_upstream: Words,
}

static WORDS: LazyLock<File> = LazyLock::new(|| plays::read(include_str!("../../plays/server_logs.toml")));

/// `$status`, and `$body_bytes_sent` of `$sent_http_content_length`.
/// (`$request_completion` is "OK" also where a response was cut off because the server behind it was late.)
fn nginx(status: &str, sent: &str) -> Option<&'static Account> {
    let of_status = WORDS.nginx.get(status);
    of_status.or_else(|| match sent.split_once('/')? {
        (sent, length) if sent == length => WORDS.nginx.get("whole"),
        (_, length) if length != "-" && status == "200" => WORDS.nginx.get("cut off"),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
