//! TLS, read from outside: what the records say of a response that may not have been whole.

use super::{ending::Ending, facts::Facts, phase::ExchangePhase};
use crate::labels::{Cause, Closer, Phase};

/// `view`, which says that nothing was open, where the records say that a response was, or may have been.
pub(super) fn settle(facts: &Facts, ending: Ending, view: &mut ExchangePhase) {
    let Some(records) = view.at.as_ref().and_then(|at| at.records.as_deref()) else { return };
    if records.goes_on() {
        (view.phase, view.in_flight) = (Phase::Response, Some(1));
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
