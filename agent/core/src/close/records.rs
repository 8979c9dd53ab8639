//! TLS, read from outside: what the records say of a response that may not have been whole.

use super::{
    conversation,
    ending::Ending,
    facts::{Facts, Reading as _},
    phase::{ExchangePhase, TOGETHER_TICKS, idle_seconds},
};
use crate::{
    http::tls::{Records, Turns},
    labels::{Cause, CloseType, Closer, Phase, Protocol},
};

/// What greets a client of PostgreSQL's when its session begins (thirteen parameters and a key) is longer, and no error is.
const SESSION_BEGINS: u32 = 256;
/// Nobody gives a request up sooner.
const PATIENCE_SECONDS: f64 = 0.1;

/// HTTP/2: the request that is open by the records was given up some time before the end.
pub(super) fn without_given_up(facts: &Facts, view: &mut ExchangePhase) {
    let Some(records) = view.at.as_ref().and_then(|at| at.records.as_deref()) else { return };
    let given_up = records.newest_turns(records.count()).given_up_at;
    if let Some(at) = given_up.filter(|&at| facts.first.ticks_since(at) > TOGETHER_TICKS) {
        (view.phase, view.in_flight) = (Phase::Idle, Some(0));
        (view.request_start_jiffies, view.idle_since) = (None, Some(at));
    }
}

/// `view`, which says that nothing was open, where the records say that a response was, or may have been.
pub(super) fn settle(facts: &Facts, ending: Ending, view: &mut ExchangePhase) {
    let Some(records) = view.at.as_ref().and_then(|at| at.records.as_deref()) else { return };
    if records.goes_on() {
        (view.phase, view.in_flight) = (Phase::Response, Some(1));
    } else if let Some(turns) = session_ended_in_a_command(facts, ending, records) {
        (view.phase, view.in_flight) = (Phase::Waiting, Some(1));
        view.request_start_jiffies = turns.asked_at;
    } else if may_be_ticket(facts, view, records) {
        (view.phase, view.in_flight) = (Phase::Unknown, None);
    } else if records.is_stream(facts.first.header.jiffies) {
        // A client leaves a stream of events; a server may have come to its end.
        let is_killed = matches!(ending.cause, Cause::ProcessKilled | Cause::OomKilled | Cause::ProcessExit);
        (view.phase, view.in_flight) = match ending.closer {
            Closer::Client => (Phase::Response, Some(1)),
            Closer::Server if is_killed => (Phase::Response, Some(1)),
            Closer::Server => (Phase::Unknown, None),
            _ => return,
        };
    }
}

/// All that answered the only request may be a session ticket, and whoever ended it had waited for some time.
fn may_be_ticket(facts: &Facts, view: &ExchangePhase, records: &Records) -> bool {
    // Other protocols begin with more than one record, or send no tickets.
    let is_unknown = conversation::begun(facts).is_none_or(|protocol| protocol == Protocol::Other);
    is_unknown
        && records.newest_turns(records.count()).may_be_ticket
        && idle_seconds(facts, view).is_some_and(|idle| idle >= PATIENCE_SECONDS)
}

/// PostgreSQL ends no session behind an answer, but behind a FATAL error: what it sends together with its close, in the midst of
/// a command, is one. How it stood before.
fn session_ended_in_a_command(facts: &Facts, ending: Ending, records: &Records) -> Option<Turns> {
    let is_by_server = ending.closer == Closer::Server && ending.close_type == CloseType::Fin;
    let has_begun =
        conversation::begun(facts) == Some(Protocol::Postgresql) && records.has_answered_with(SESSION_BEGINS);
    let before = || records.answered_right_before(facts.first.header.jiffies, TOGETHER_TICKS);
    (is_by_server && has_begun).then(before).flatten()
}
