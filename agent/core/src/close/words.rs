//! What the newest message of a protocol that is known makes of the end: the client took leave, or the server said why it
//! ends the connection.

use super::{classify::Ruling, ending::Ending, phase::ExchangePhase};
use crate::labels::{Cause, Closer, Phase, Verdict};

/// `None` where nothing was said.
pub(super) fn ruling(ending: Ending, exchange: &ExchangePhase) -> Option<Ruling> {
    let said = &exchange.reading.as_ref()?.said;
    if let Some(word) = &said.word {
        let cause = if is_more_telling(ending.cause) { ending.cause } else { word.cause };
        let is_open = exchange.phase.is_in_flight() || exchange.phase == Phase::Transaction;
        let verdict = match ending.closer {
            // What it answers is refused, and not lost.
            _ if word.is_answer => Verdict::Completed,
            _ if is_open => Verdict::PrematureHangup,
            // It was told to go.
            Closer::Client => Verdict::Completed,
            _ => Verdict::ServerIdle,
        };
        return Some(Ruling { verdict, cause, exact: exchange.exact });
    }
    if exchange.is_heartbeat_missing && ending.closer == Closer::Server && !is_more_telling(ending.cause) {
        let is_open = exchange.phase.is_in_flight();
        let verdict = if is_open { Verdict::PrematureHangup } else { Verdict::ServerIdle };
        return Some(Ruling { verdict, cause: Cause::HeartbeatTimeout, exact: exchange.exact });
    }
    if said.farewell && !exchange.phase.is_in_flight() {
        let cause = if is_more_telling(ending.cause) { ending.cause } else { Cause::Announced };
        return Some(Ruling { verdict: Verdict::Completed, cause, exact: exchange.exact });
    }
    None
}

/// A server with a process for each connection ends it by that process's own end.
fn is_more_telling(cause: Cause) -> bool {
    !matches!(cause, Cause::Unknown | Cause::ProcessExit | Cause::UnreadData | Cause::LingerZero)
}
