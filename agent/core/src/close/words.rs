//! What the newest message of a protocol that is known makes of the end: the client took leave, or the server said why it
//! ends the connection.

use super::{
    conversation,
    ending::Ending,
    facts::{Facts, Reading as _},
    phase::{ExchangePhase, TOGETHER_TICKS},
    ruling::Ruling,
};
use crate::labels::{Basis, Cause, CloseType, Closer, Phase, Protocol, Role, Verdict};
use crate::protocol::State;

/// Five bytes of a farewell and a close_notify, each in a record of its own (RFC 8446 section 5.2; 29 bytes more with TLS 1.2).
const MAX_TLS_FAREWELL_BYTES: u32 = 5 + 29 + 31;

/// Why it ended, by the server's own words where it said any.
pub(super) fn cause(ending: Ending, exchange: &ExchangePhase) -> Cause {
    let word = exchange.reading.as_ref().and_then(|reading| reading.said.word.as_ref());
    word.filter(|_| !is_more_telling(ending.cause)).map_or(ending.cause, |word| word.cause)
}

/// The server had ended it in words, as an alert of TLS does: whoever closes behind them only answers.
pub(super) fn ended(facts: &Facts, ending: Ending, exchange: &ExchangePhase) -> Option<Ending> {
    let word = exchange.reading.as_ref().and_then(|reading| reading.said.word.as_ref());
    let is_last = word.is_some_and(|word| !word.is_answer);
    (is_last && matches!(ending.closer, Closer::Client | Closer::Both)).then_some(Ending {
        closer: Closer::Server,
        close_type: CloseType::Fin,
        // What the client's process did then is no cause.
        cause: if ending.local == (facts.role == Role::Server) { ending.cause } else { Cause::Unknown },
        local: facts.role == Role::Server,
        connecting: false,
    })
}

/// `None` where nothing was said.
pub(super) fn ruling(facts: &Facts, ending: Ending, exchange: &ExchangePhase) -> Option<Ruling> {
    if is_farewell_in_tls(facts, ending, exchange) {
        return Some(Ruling { verdict: Verdict::Completed, cause: Cause::Announced, exact: false });
    }
    let said = &exchange.reading.as_ref()?.said;
    if let Some(word) = &said.word {
        let cause = cause(ending, exchange);
        let is_open = exchange.phase.is_in_flight() || exchange.phase == Phase::Transaction;
        let verdict = match () {
            // What it answers is refused, and not lost.
            () if word.is_answer => Verdict::Completed,
            () if is_open => Verdict::PrematureHangup,
            () => Verdict::ServerIdle,
        };
        return Some(Ruling { verdict, cause, exact: exchange.exact });
    }
    // A process that ends says nothing either.
    let is_own = !said.owes_a_word || ending.cause != Cause::ProcessExit;
    let is_missing = exchange.is_heartbeat_missing && is_own && !is_more_telling(ending.cause);
    if is_missing && ending.closer == Closer::Server {
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

/// Behind the beginning in clear of a protocol whose clients take leave: records as small as that, together with the end.
fn is_farewell_in_tls(facts: &Facts, ending: Ending, exchange: &ExchangePhase) -> bool {
    let takes_leave = matches!(conversation::begun(facts), Some(Protocol::Postgresql | Protocol::Mysql));
    let together =
        exchange.request_start_jiffies.is_some_and(|start| facts.first.ticks_since(start) <= TOGETHER_TICKS);
    takes_leave
        && exchange.basis == Basis::Inferred
        && exchange.phase == Phase::Waiting
        && matches!(ending.cause, Cause::Unknown | Cause::UnreadData | Cause::ProcessExit)
        && together
        && exchange.request_bytes.is_some_and(|bytes| bytes <= MAX_TLS_FAREWELL_BYTES)
}

/// The closer's last bytes, which are not read, were a farewell.
pub(super) fn took_leave(exchange: &ExchangePhase) -> bool {
    let is_unread = exchange.reading.as_ref().is_none_or(|reading| reading.said.state == State::Turns);
    exchange.phase == Phase::Waiting && exchange.basis != Basis::Http && is_unread
}

/// A server with a process for each connection ends it by that process's own end.
fn is_more_telling(cause: Cause) -> bool {
    !matches!(cause, Cause::Unknown | Cause::ProcessExit | Cause::UnreadData | Cause::LingerZero)
}
