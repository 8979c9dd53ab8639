//! Which requests a close lost, whatever its verdict: the one definition that every figure shares.

use serde::{Deserialize, Serialize};

use super::ClosedConnection;
use crate::labels::{Basis, Cause, Closer, Role, Side, Verdict};

crate::label_set! {
    /// What a request was lost to.
    pub enum LossReason {
        /// A close of an idle connection.
        IdleRace,
        /// The server hung up on it.
        ServerHangup,
        /// Neither end: a flow that was forgotten, a timeout, a host that was not reached.
        Network,
        /// Nothing listened where the client wanted to connect.
        Refused,
        /// The listener was closed before the server had accepted the connection.
        NotAccepted,
        /// Somebody destroyed the socket (SOCK_DESTROY).
        HostAbort,
    }
}

/// What became of requests that a close left without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    Lost(LossReason),
    /// The client itself did not wait for the answer.
    GivenUp,
}

/// Requests that have no answer because their connection ended, and why; of a close that amends, those it adds.
pub fn loss(close: &ClosedConnection) -> Option<(Loss, u32)> {
    let what = what(close)?;
    let unanswered = close.uncounted.map(|requests| requests.unanswered);
    // A race's end did not count what came late.
    let in_flight = close.in_flight.filter(|_| close.race.is_none());
    Some((what, unanswered.filter(|&open| open > 0).or(in_flight).unwrap_or(1).max(1)))
}

fn what(close: &ClosedConnection) -> Option<Loss> {
    let in_flight = close.phase.is_in_flight() || close.in_flight.is_some_and(|open| open > 0);
    let lost = |reason| Some(Loss::Lost(reason));
    match close.verdict {
        Verdict::IdleRace => lost(LossReason::IdleRace),
        Verdict::PrematureHangup if close.closer == Closer::Client && !was_dismissed(close) => {
            Some(Loss::GivenUp)
        }
        Verdict::PrematureHangup if close.cause == Cause::NotAccepted => lost(LossReason::NotAccepted),
        Verdict::PrematureHangup => lost(LossReason::ServerHangup),
        Verdict::Network if in_flight => lost(LossReason::Network),
        Verdict::HostAbort if in_flight => lost(LossReason::HostAbort),
        // At a server it is a handshake that was never finished: a scan, or a client that has gone.
        Verdict::ConnectFailed if close.role == Role::Client => match (close.closer, close.cause) {
            (Closer::Client, _) => Some(Loss::GivenUp),
            (_, Cause::Refused) => lost(LossReason::Refused),
            (Closer::Host, _) => lost(LossReason::HostAbort),
            _ => lost(LossReason::Network),
        },
        _ => None,
    }
}

/// Before the client's FIN the server had ended it with its own words; HTTP/1: by a last response; HTTP/2: by a GOAWAY with an error code or with the
/// streams given up.
fn was_dismissed(close: &ClosedConnection) -> bool {
    let is_read =
        matches!(close.cause, Cause::IdleTimeout | Cause::TransactionTimeout | Cause::AdminShutdown);
    if (is_read && close.basis == Basis::Protocol) || close.cause == Cause::Announced {
        return true;
    }
    let given_up = matches!(close.cause, Cause::H2Goaway | Cause::MaxAge | Cause::Shutdown);
    close.goaway.as_ref().is_some_and(|goaway| goaway.by == Side::Server && (given_up || !goaway.is_polite()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        http::Goaway,
        labels::{Phase, Race},
        testing::{raced, requests, server_idle},
    };

    fn close(verdict: Verdict, closer: Closer, phase: Phase) -> ClosedConnection {
        let open = u32::from(phase.is_in_flight());
        let base = server_idle(8080, "node");
        ClosedConnection { role: Role::Client, verdict, closer, phase, in_flight: Some(open), ..base }
    }

    #[test]
    fn a_client_that_a_goaway_had_dismissed_has_not_given_up() {
        let of = |by: Side, error: &str| {
            let goaway = Goaway {
                by,
                error: error.to_owned(),
                last_stream: 1,
                debug: String::new(),
                idle: None,
                at: 0,
                is_answered: false,
            };
            let base = close(Verdict::PrematureHangup, Closer::Client, Phase::Waiting);
            loss(&ClosedConnection { goaway: Some(goaway), ..base })
        };
        assert_eq!(of(Side::Server, "CANCEL"), Some((Loss::Lost(LossReason::ServerHangup), 1)));
        assert_eq!(of(Side::Server, "NO_ERROR"), Some((Loss::GivenUp, 1)));
        assert_eq!(of(Side::Client, "CANCEL"), Some((Loss::GivenUp, 1)));
    }

    #[test]
    fn a_request_is_lost_whatever_the_verdict() {
        let to = |reason| Some((Loss::Lost(reason), 1));
        let said = |verdict, closer, phase| loss(&close(verdict, closer, phase));
        assert_eq!(loss(&raced(8080, "node", Race::Unread)), to(LossReason::IdleRace));
        let hung_up = said(Verdict::PrematureHangup, Closer::Server, Phase::Waiting);
        assert_eq!(hung_up, to(LossReason::ServerHangup));
        let forgotten = said(Verdict::Network, Closer::Network, Phase::Waiting);
        assert_eq!(forgotten, to(LossReason::Network));
        let dead = said(Verdict::Network, Closer::Network, Phase::Idle);
        assert_eq!(dead, None, "nothing was under way");
        let destroyed = said(Verdict::HostAbort, Closer::Host, Phase::Response);
        assert_eq!(destroyed, to(LossReason::HostAbort));
        let given_up = said(Verdict::PrematureHangup, Closer::Client, Phase::Waiting);
        assert_eq!(given_up, Some((Loss::GivenUp, 1)));
        assert_eq!(said(Verdict::ServerIdle, Closer::Server, Phase::Idle), None);
        assert_eq!(said(Verdict::TunnelEnd, Closer::Server, Phase::Tunnel), None);
    }

    #[test]
    fn a_connect_that_fails_loses_the_request_that_it_was_for() {
        let mut refused = close(Verdict::ConnectFailed, Closer::Server, Phase::Connecting);
        refused.cause = Cause::Refused;
        assert_eq!(loss(&refused), Some((Loss::Lost(LossReason::Refused), 1)));
        let scanned = ClosedConnection { role: Role::Server, ..refused };
        assert_eq!(loss(&scanned), None);
        let mut queued = close(Verdict::PrematureHangup, Closer::Server, Phase::Waiting);
        queued.cause = Cause::NotAccepted;
        assert_eq!(loss(&queued), Some((Loss::Lost(LossReason::NotAccepted), 1)));
    }

    #[test]
    fn all_that_were_open_are_lost() {
        let mut streams = close(Verdict::PrematureHangup, Closer::Server, Phase::Waiting);
        streams.in_flight = Some(4);
        assert_eq!(loss(&streams).map(|(_, lost)| lost), Some(4));
        let open = crate::close::RequestDelta { unanswered: 3, ..requests(3, 0, None) };
        streams.uncounted = Some(open);
        assert_eq!(loss(&streams).map(|(_, lost)| lost), Some(3));
    }
}
