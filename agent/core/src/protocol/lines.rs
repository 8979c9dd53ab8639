//! Protocols of lines whose server speaks first: SMTP (RFC 5321), FTP (RFC 959), POP3 (RFC 1939), IMAP (RFC 9051).

use super::{Edges, Message, Said, State, Word, queues};
use crate::labels::Cause;

pub(super) fn is_smtp_spoken(edges: &Edges<'_>) -> bool {
    let says = |word| edges.client.opening.starts_with_word(word);
    is_greeted(edges, "220") && (says("EHLO") || says("HELO") || says("LHLO") || is_named(edges, "SMTP"))
}

pub(super) fn is_ftp_spoken(edges: &Edges<'_>) -> bool {
    let says = |word| edges.client.opening.starts_with_word(word);
    let named = ["USER ", "AUTH ", "FEAT", "SYST", "OPTS "].into_iter().any(says);
    is_greeted(edges, "220") && (named || is_named(edges, "FTP"))
}

pub(super) fn is_pop3_spoken(edges: &Edges<'_>) -> bool {
    let says = |word| edges.client.opening.starts_with_word(word);
    let named = ["USER ", "CAPA", "AUTH", "APOP ", "STLS", "QUIT"].into_iter().any(says);
    is_greeted(edges, "+OK") && (named || edges.client.opening.is_empty())
}

pub(super) fn is_imap_spoken(edges: &Edges<'_>) -> bool {
    ["* OK", "* PREAUTH", "* BYE"].into_iter().any(|word| is_greeted(edges, word))
}

pub(super) fn read_smtp(edges: &Edges<'_>) -> Said {
    numbered(edges)
}

pub(super) fn read_ftp(edges: &Edges<'_>) -> Said {
    numbered(edges)
}

pub(super) fn read_pop3(edges: &Edges<'_>) -> Said {
    let newest = &edges.server.newest;
    let is_said = newest.starts_with_word("-ERR") && is_unasked(edges);
    said(
        edges,
        says_quit(&edges.client.newest),
        is_said.then(|| (timeout_or(newest, Cause::ServerError), newest)),
    )
}

pub(super) fn read_imap(edges: &Edges<'_>) -> Said {
    let line = edges.client.newest.line().to_ascii_uppercase();
    let is_logout = line.ends_with(" LOGOUT");
    let newest = &edges.server.newest;
    let is_bye = newest.starts_with_word("* BYE") && !is_logout;
    said(edges, is_logout, is_bye.then(|| (timeout_or(newest, Cause::AdminShutdown), newest)))
}

/// Of a protocol that is not known: a server that sees whether its client is still there, and a client that is (IRC); queues
/// of work.
pub(super) fn read_other(edges: &Edges<'_>) -> Said {
    let (ping, answer) = (&edges.server.newest, &edges.client.newest);
    let is_alone = edges.client.is_turn_newest && edges.client_spoke_last;
    if is_alone && ping.starts_with_word("PING") && answer.starts_with_word("PONG") {
        return Said { state: State::Idle, is_guess: true, ..Said::default() };
    }
    queues::read(edges)
}

/// Replies of three digits: 421 ends the connection.
fn numbered(edges: &Edges<'_>) -> Said {
    let newest = &edges.server.newest;
    let is_said = newest.starts_with(b"421") && !edges.client_spoke_last;
    // Enhanced codes (RFC 3463): 4.4.2 is a timeout, 4.3.2 a server that stops.
    let cause = match newest.line() {
        line if line.contains("4.4.2") => Cause::IdleTimeout,
        line if line.contains("4.3.2") => Cause::AdminShutdown,
        // Nobody had asked, and a host's name stands before the words: they are beyond what is kept.
        _ if is_unasked(edges) => timeout_or(newest, Cause::Unknown),
        _ => timeout_or(newest, Cause::ServerError),
    };
    said(edges, says_quit(&edges.client.newest), is_said.then_some((cause, newest)))
}

fn said(edges: &Edges<'_>, farewell: bool, word: Option<(Cause, &Message<'_>)>) -> Said {
    let word = word.filter(|_| !edges.client_spoke_last);
    let state = match &word {
        Some((Cause::IdleTimeout | Cause::Unknown, _)) => State::Idle,
        _ => State::Turns,
    };
    let word = word.map(|(cause, message)| Word {
        cause,
        code: message.line(),
        is_answer: cause == Cause::ServerError,
    });
    Said { state, farewell, word, ..Said::default() }
}

/// Servers have no common word for it.
fn timeout_or(message: &Message<'_>, other: Cause) -> Cause {
    let line = message.line().to_ascii_lowercase();
    let is_timeout =
        ["timeout", "timed out", "inactiv", "idle", "autologout"].iter().any(|word| line.contains(word));
    if is_timeout { Cause::IdleTimeout } else { other }
}

fn says_quit(message: &Message<'_>) -> bool {
    message.starts_with_word("QUIT") && message.len <= 6
}

/// The server's newest message is not the first that answers the client's.
fn is_unasked(edges: &Edges<'_>) -> bool {
    !edges.server.is_turn_newest
}

fn is_greeted(edges: &Edges<'_>, with: &str) -> bool {
    let greeting = &edges.server.opening;
    edges.server_spoke_first
        && greeting.starts_with_word(with)
        && matches!(greeting.byte(with.len()), b' ' | b'-')
}

/// Before the client has said anything, the greeting may tell.
fn is_named(edges: &Edges<'_>, name: &str) -> bool {
    edges.client.opening.is_empty() && edges.server.newest.line().contains(name)
}
