//! How a WebSocket ended: by a close frame, which names who began the end and why, or cut off without one (1006).

use super::{
    ending::Ending,
    facts::{Facts, is_before},
    phase::ExchangePhase,
    ruling::Ruling,
};
use crate::{
    close::ClosedConnection,
    format::counted,
    http::{CloseFrame, SentFrames, WebSocket},
    labels::{Cause, CloseType, Phase, Side, Verdict},
};

/// Seconds for which a ping must have been without an answer before the lack of one is a reason.
const PING_WAITS: f64 = 0.1;

/// The close frame that ended it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    by: Side,
    /// Jiffies when it passed.
    pub(super) at: u32,
}

impl Closing {
    /// How it ended, seen so: what the other side did then is no cause.
    pub(super) fn ending(self, facts: &Facts, by_fin: Ending) -> Ending {
        let closer = self.by.closer();
        Ending {
            closer,
            close_type: CloseType::Fin,
            cause: if closer == by_fin.closer { by_fin.cause } else { Cause::Unknown },
            local: facts.role.this_end() == closer,
            connecting: false,
        }
    }
}

/// What had gone both ways when it ended. What this end had written before its close may have passed the probe after it.
pub(super) fn seen(exchange: &ExchangePhase, ending: Option<Ending>) -> Option<&WebSocket> {
    if exchange.phase != Phase::Tunnel {
        return None;
    }
    let at = exchange.at.as_ref().and_then(|state| state.websocket.as_deref());
    let after = exchange.after.as_ref().and_then(|state| state.websocket.as_deref());
    let (Some(before), Some(later)) = (at, after) else { return at };
    let own = ending.filter(|ending| ending.local && ending.close_type == CloseType::Fin);
    let own = own.and_then(|ending| ending.closer.side());
    let went_on = own.is_some_and(|own| {
        let ends = before.sent_by(own).unfinished && !later.sent_by(own).unfinished;
        ends || (before.closed_by.is_none() && later.closed_by == Some(own))
    });
    Some(if went_on { later } else { before })
}

/// `None` where no close frame came before the end.
pub(super) fn closing(exchange: &ExchangePhase, ending: Ending) -> Option<Closing> {
    let (by, frame) = seen(exchange, Some(ending))?.first_close()?;
    Some(Closing { by, at: frame.at })
}

/// The verdict; `None` where nothing but the connection's own end tells.
pub(super) fn ruling(facts: &Facts, ending: Ending, exchange: &ExchangePhase) -> Option<Ruling> {
    let websocket = seen(exchange, Some(ending))?;
    if let Some((by, frame)) = websocket.first_close() {
        return Some(by_frame(ending, exchange, by, frame));
    }
    let is_cut = websocket.client.unfinished || websocket.server.unfinished;
    let has_unsent = ending.local && facts.first.write_seq != facts.first.snd_nxt;
    let verdict = if is_cut { Verdict::PrematureHangup } else { Verdict::TunnelEnd };
    let exact = exchange.exact && !(is_cut && has_unsent);
    if ending.cause == Cause::Unknown && unanswered_ping(facts, exchange, ending, websocket).is_some() {
        return Some(Ruling { verdict, cause: Cause::HeartbeatTimeout, exact: false });
    }
    Some(Ruling { verdict, cause: ending.cause, exact })
}

fn by_frame(ending: Ending, exchange: &ExchangePhase, by: Side, frame: &CloseFrame) -> Ruling {
    let said = match () {
        () if frame.is_of_pings() => Cause::HeartbeatTimeout,
        () if frame.is_of_silence() => Cause::IdleTimeout,
        () if by == Side::Server && matches!(frame.code, 1001 | 1012) => Cause::Shutdown,
        () if by == Side::Server && !frame.is_polite() => Cause::ServerError,
        () => Cause::Announced,
    };
    let says_how = matches!(
        ending.cause,
        Cause::Unknown | Cause::ProcessExit | Cause::UnreadData | Cause::LingerZero | Cause::HalfClose
    );
    let cause = if says_how { said } else { ending.cause };
    let is_meant = frame.is_polite() && matches!(said, Cause::Announced | Cause::Shutdown);
    let verdict = if is_meant { Verdict::Completed } else { Verdict::TunnelEnd };
    Ruling { verdict, cause, exact: exchange.exact }
}

/// Ticks for which the newest ping of whoever ended it had no answer: nothing at all had come from the other end since.
fn unanswered_ping(
    facts: &Facts,
    exchange: &ExchangePhase,
    ending: Ending,
    websocket: &WebSocket,
) -> Option<u32> {
    let by = ending.closer.side()?;
    let (own, others) = (websocket.sent_by(by), websocket.sent_by(by.other()));
    let ping_at = own.ping_at?;
    let is_answered = others.last_at.is_some_and(|at| !is_before(at, ping_at));
    let waited = exchange.ticks_since(facts, ping_at);
    (!is_answered && f64::from(waited) * facts.tick >= PING_WAITS).then_some(waited)
}

/// The frames with their clocks, as they are reported.
pub(super) fn timed(facts: &Facts, exchange: &ExchangePhase, ending: Ending) -> Option<WebSocket> {
    let websocket = seen(exchange, Some(ending))?.clone();
    let seconds = |at: u32| f64::from(exchange.ticks_since(facts, at)) * facts.tick;
    let data = [&websocket.client, &websocket.server].into_iter().filter_map(|sent| sent.data_at);
    let data_silent = data.chain([websocket.began_at]).map(seconds).reduce(f64::min);
    let longest = (websocket.longest > 0).then(|| f64::from(websocket.longest) * facts.tick);
    Some(WebSocket { data_silent, longest_silence: longest, ..websocket })
}

/// In words; the first FIN or RST came `later` seconds after the close frame.
pub(super) fn evidence(close: &ClosedConnection, later: f64) -> Vec<String> {
    let Some(websocket) = close.websocket.as_deref() else { return Vec::new() };
    let mut lines = Vec::new();
    match websocket.first_close() {
        Some((by, frame)) => {
            lines.push(format!("the {by}'s close frame came first, {later:.3} s before: {frame}"));
            let other = by.other();
            match &websocket.sent_by(other).close {
                Some(answer) => lines.push(format!("the {other} answered it: {answer}")),
                None => lines.push(format!("the {other} did not answer it")),
            }
        }
        None => lines.push("no close frame was sent: the WebSocket was cut off (1006)".to_owned()),
    }
    for side in [Side::Client, Side::Server] {
        let SentFrames { unfinished, pings, pongs, .. } = *websocket.sent_by(side);
        if unfinished {
            lines.push(format!("a message of the {side}'s was under way"));
        }
        if pings > 0 || pongs > 0 {
            let sent = [(pings, "ping"), (pongs, "pong")].map(|(count, thing)| counted(count.into(), thing));
            lines.push(format!("{} came from the {side}", sent.join(" and ")));
        }
    }
    if close.cause == Cause::HeartbeatTimeout && websocket.closed_by.is_none() {
        lines.push("whoever ended it had sent a ping that was not answered".to_owned());
    }
    let data = websocket.data_silent.map(|seconds| format!("{seconds:.3} s since the last data frame"));
    let any = close.silent.map(|seconds| format!("{seconds:.3} s since any frame"));
    lines.extend(data.into_iter().chain(any).reduce(|one, other| format!("{one}, {other}")));
    lines
}

#[cfg(test)]
mod tests;
