//! What nginx, Apache and HAProxy write about the requests of a connection, and what that says of its end.

use std::{collections::HashMap, net::SocketAddr};

use super::software::Log;
use crate::truth::{
    Phase::{self, Idle, RequestBody, RequestHead, Response, Unused, Waiting},
    Side,
};

/// Who ended it and where it stood, as far as a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) closer: Option<Side>,
    pub(super) phases: &'static [Phase],
}

/// One line about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) target: String,
    pub(super) line: String,
    pub(super) account: Option<Account>,
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
                    all.add(client, None, target, line, apache(connection), None);
                }
                (Log::Haproxy, [client, upstream, _status, code, target]) => {
                    all.add(client, Some(upstream), target, line, haproxy(code), haproxy_upstream(code));
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
        account: Option<Account>,
        of_upstream: Option<Account>,
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

const fn by(closer: Side, phases: &'static [Phase]) -> Account {
    Account { closer: Some(closer), phases }
}

const fn at(phases: &'static [Phase]) -> Account {
    Account { closer: None, phases }
}

/// `$status`, and `$body_bytes_sent` of `$sent_http_content_length`: 499 is its own word for a client that left.
/// (`$request_completion` is "OK" also where a response was cut off because the server behind it was late.)
fn nginx(status: &str, sent: &str) -> Option<Account> {
    match (status, sent.split_once('/')) {
        ("499", _) => Some(by(Side::Client, &[RequestBody, Waiting, Response])),
        ("408", _) => Some(by(Side::Server, &[RequestHead, RequestBody])),
        ("400", _) => Some(by(Side::Client, &[RequestHead, RequestBody])),
        (_, Some((sent, length))) if sent == length => Some(at(&[Idle])),
        ("200", Some((_, length))) if length != "-" => Some(at(&[Response])),
        _ => None,
    }
}

/// `%X`: aborted before the response was complete, may be kept alive, or is closed after the response.
fn apache(connection: &str) -> Option<Account> {
    match connection {
        "X" => Some(at(&[RequestHead, RequestBody, Waiting, Response])),
        // That a client has left while it waits it does not see.
        "+" => Some(at(&[Idle, Waiting])),
        _ => None,
    }
}

/// The termination state (HAProxy's configuration manual, 8.5), as it concerns the client's connection.
fn haproxy(code: &str) -> Option<Account> {
    match code {
        "--" => Some(at(&[Idle])),
        "CR" => Some(by(Side::Client, &[Unused, RequestHead, RequestBody])),
        "CH" | "CQ" | "CC" => Some(by(Side::Client, &[RequestBody, Waiting])),
        "CD" | "CL" => Some(by(Side::Client, &[RequestBody, Waiting, Response])),
        "cR" => Some(by(Side::Server, &[Unused, RequestHead, RequestBody])),
        "cH" => Some(by(Side::Server, &[RequestBody])),
        "cD" => Some(by(Side::Server, &[RequestBody, Response])),
        // A server that is late, or gone, is answered for: 504 and 502.
        "sH" | "SH" => Some(at(&[Idle, RequestBody])),
        "sD" | "SD" => Some(by(Side::Server, &[Response])),
        _ => None,
    }
}

/// The same as it concerns the connection to the server behind it, of which HAProxy is the client.
fn haproxy_upstream(code: &str) -> Option<Account> {
    match code {
        "CH" | "CD" | "cH" | "cD" | "CL" => Some(by(Side::Client, &[RequestBody, Waiting, Response])),
        // What arrived at the last it may not have read.
        "sH" | "sD" => Some(by(Side::Client, &[RequestBody, Waiting, Response, Idle])),
        "SH" => Some(by(Side::Server, &[RequestBody, Waiting])),
        "SD" => Some(by(Side::Server, &[Response])),
        "--" => Some(at(&[Idle])),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
