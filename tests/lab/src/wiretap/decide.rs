//! What a capture proves about how a connection ended, in the words of docs/verdicts.md.

use std::time::Duration;

use super::{
    flow::{Flow, Left, Segment},
    lost,
};
use crate::{
    h2,
    oracle::{State, Talk},
    order::{self, Ending, First, Mark},
    truth::{CloseType, Closer, Phase, Race, Side, Truth},
};

/// More than a socket's send buffer takes (net.ipv4.tcp_wmem: 4 MiB) and its device besides.
const MOST_BUFFERED: usize = 8 << 20;

/// What a play knows of its programs besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Script {
    /// The server's program resets connections on purpose (SO_LINGER 0): its reset does not show that it left a
    /// request unread.
    pub(crate) server_resets: bool,
    /// How many requests the server's program has read, each of them whole.
    pub(crate) read: Option<u32>,
}

/// What is true of a close, or why the capture does not show it.
pub(crate) type Decided = Result<Truth, &'static str>;

pub(crate) fn decide(flow: &Flow, script: Script) -> Decided {
    if flow.may_have_holes {
        return Err("the capture has holes");
    }
    if !flow.has_beginning() {
        return Err("the capture begins in the middle");
    }
    if !flow.is_established() {
        return never_made(flow);
    }
    match flow.first() {
        None if flow.left(Side::Client).is_some() => Err("each acknowledges the other's end"),
        None => Err("nobody ended it while it was captured"),
        Some(First::Both) => both(flow),
        Some(First::Client(_)) => one(flow, Side::Client, script),
        Some(First::Server(_)) => one(flow, Side::Server, script),
    }
}

fn never_made(flow: &Flow) -> Decided {
    if flow.of(Side::Server).any(|(_, segment)| segment.syn) {
        return Err("the handshake was not ended");
    }
    match flow.left(Side::Server) {
        Some(Left { ending: Ending { resets: true, .. }, .. }) => {
            let refused = Truth::plain(Side::Server, CloseType::Rst, Phase::Connecting, 0);
            Ok(Truth { verdict: "connect-failed", ..refused })
        }
        _ => Err("nobody answered the SYN"),
    }
}

/// What one end's first FIN or RST end: both ends' views of the exchange.
#[derive(Debug)]
pub(crate) struct EndState<'a> {
    pub(super) flow: &'a Flow,
    pub(super) side: Side,
    pub(super) close_type: CloseType,
    pub(super) left: Left,
    /// With what the closer had received.
    pub(super) at: State,
    /// With what the other end had sent before it knew.
    pub(super) unaware: State,
    pub(super) http2: bool,
}

impl<'a> EndState<'a> {
    pub(crate) fn new(flow: &'a Flow, side: Side) -> Result<Self, &'static str> {
        let left = flow.left(side).ok_or("no end")?;
        let Mark { at: own, acks } = left.ending.mark;
        let sent = flow.sent_unaware(side.other(), own).max(acks);
        let talk = talk(flow, side, own, acks)?;
        let unaware = self::talk(flow, side, own, sent)?;
        Ok(Self {
            flow,
            side,
            close_type: if left.ending.resets { CloseType::Rst } else { CloseType::Fin },
            left,
            at: talk.state(),
            unaware: unaware.state(),
            http2: h2::is_spoken(&unaware.asked),
        })
    }

    /// When it was.
    pub(super) fn time(&self) -> f64 {
        self.flow.segments[self.left.index].at
    }

    /// The exchange as it stood, with this verdict.
    pub(crate) fn truth(&self, verdict: &'static str) -> Truth {
        let State { phase, in_flight, answered, .. } = self.at;
        let plain = Truth::plain(self.side, self.close_type, phase, in_flight);
        Truth { verdict, idle: self.idle(), requests: answered as u32, ..plain }
    }

    /// Seconds from the end of the last response.
    pub(super) fn idle(&self) -> Option<f64> {
        let Mark { at: own, acks } = self.left.ending.mark;
        let (client, server) = if self.side == Side::Client { (own, acks) } else { (acks, own) };
        if self.at.phase != Phase::Idle {
            return None;
        }
        idle_since(self.flow, client, server, self.at.answered).map(|since| self.time() - since)
    }
}

/// When the response was seen whole that is the last of so many. What came after it was not asked for: a 408, a PING.
fn idle_since(flow: &Flow, client: u64, server: u64, answered: usize) -> Option<f64> {
    let pieces = flow.pieces(Side::Server, server);
    let answered_by = |piece: &Segment| {
        flow.talk(client, piece.end()).is_some_and(|talk| talk.state().answered >= answered)
    };
    let last = pieces.get(pieces.partition_point(|piece| !answered_by(piece)))?;
    Some(last.at)
}

/// What was said when `side` had sent so much, and the other end so much.
pub(super) fn talk(flow: &Flow, side: Side, own: u64, others: u64) -> Result<Talk, &'static str> {
    let (client, server) = if side == Side::Client { (own, others) } else { (others, own) };
    let talk = flow.talk(client, server).ok_or("bytes were not captured")?;
    if is_http(&talk) { Ok(talk) } else { Err("no HTTP in clear text") }
}

fn is_http(talk: &Talk) -> bool {
    let word = talk.asked.trim_ascii_start().split(|byte| *byte == b' ').next().unwrap_or_default();
    let answer = &talk.answered[..talk.answered.len().min(5)];
    // An HTTP/2 server's SETTINGS need not wait for the client's preface.
    let settings = talk.asked.is_empty() && matches!(answer, [_, _, _, 4, ..]);
    let answers = h2::is_spoken(&talk.asked) || settings || b"HTTP/".starts_with(answer);
    answers && word.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-')
}

/// One end was first.
fn one(flow: &Flow, side: Side, script: Script) -> Decided {
    let end = EndState::new(flow, side)?;
    if end.left.bare {
        return Err("the first reset acknowledges nothing: none of the two need have sent it");
    }
    let stands = |state: State| (state.phase, state.in_flight, state.answered);
    let crossed = stands(end.at) != stands(end.unaware);
    match side {
        Side::Server if crossed => lost::crossed(&end),
        // What was answered before it was whole had been read.
        Side::Server if end.at.answered > 0 && !end.at.timed_out && lost::is_asking(end.at.phase) => {
            lost::unanswered(&end, script)
        }
        Side::Server if lost::is_asked_late(&end)? => lost::late(&end),
        Side::Client if crossed => Err("what the server sent crossed the client's end"),
        Side::Client if end.at.phase.is_in_flight() => client_left(&end),
        Side::Client | Side::Server => plain(&end),
    }
}

/// The client ended it with an exchange open.
fn client_left(end: &EndState<'_>) -> Decided {
    let served = end.close_type == CloseType::Fin && {
        let whole = talk(end.flow, Side::Client, end.left.ending.mark.at, end.flow.sent(Side::Server))?;
        let was_reset = end.flow.segments.iter().any(|segment| segment.rst);
        whole.state().phase == Phase::Idle && !was_reset
    };
    match (served, lost::is_own_timer(end)) {
        (true, Some(false)) => Ok(end.truth("completed")),
        (true, _) => Err("the client stopped sending right after its request, and was answered"),
        (false, Some(true)) => Ok(end.truth("idle-race").lost(Race::OwnTimer)),
        (false, Some(false)) => plain(end),
        (false, None) => Err("the client closed shortly after its request, and not at once"),
    }
}

/// No request was lost to an idle close.
pub(super) fn plain(end: &EndState<'_>) -> Decided {
    let state = end.at;
    let sender = match state.phase {
        Phase::RequestHead | Phase::RequestBody => Some(Side::Client),
        Phase::Response => Some(Side::Server),
        _ => None,
    };
    let has_sent_all = |sender| sender == end.side && end.close_type == CloseType::Fin;
    if let Some(sender) = sender.filter(|sender| !has_sent_all(*sender))
        && state.lacks.is_none_or(|lacks| lacks <= MOST_BUFFERED)
        && end.flow.may_have_more(sender, end.left.index)
    {
        return Err("the rest of the message may have been written");
    }
    let expect = state.ended(end.side, end.close_type);
    if state.early && end.side == Side::Server && end.close_type == CloseType::Rst {
        return Err("the client may not have read the answer that came before its request was whole");
    }
    if expect.verdict == "completed" && end.close_type == CloseType::Rst && state.until_close {
        return Err("a response that ends with the connection was reset");
    }
    let truth = Truth { phase: expect.phase, in_flight: expect.in_flight, ..end.truth(expect.verdict) };
    if end.side == Side::Client && state.phase == Phase::Idle && expect.verdict != "completed" {
        let idle = truth.idle.ok_or("the end of the last response was not captured")?;
        let idle = Duration::from_secs_f64(idle.max(0.0));
        // The client had the response later than the capture, and its end was here later than there.
        let away = end.flow.round_trip(Side::Client).unwrap_or_default();
        return match (order::is_prompt(idle), order::is_prompt(idle.saturating_sub(2 * away))) {
            (Some(true), Some(true)) => Ok(Truth { verdict: "completed", ..truth }),
            (Some(false), Some(false)) => Ok(truth),
            _ => Err("neither prompt nor idle"),
        };
    }
    Ok(truth)
}

/// Neither had seen the other's end.
pub(crate) fn both(flow: &Flow) -> Decided {
    let (client, server) = (EndState::new(flow, Side::Client)?, EndState::new(flow, Side::Server)?);
    if client.close_type == CloseType::Rst || server.close_type == CloseType::Rst {
        return Err("a reset crossed the other's end");
    }
    let stands = |state: State| (state.phase, state.in_flight, state.answered);
    if [client.unaware, server.at, server.unaware].iter().any(|state| stands(*state) != stands(client.at)) {
        return Err("bytes crossed both ends");
    }
    let earlier = if client.time() < server.time() { client } else { server };
    let expect = earlier.at.ended(Side::Server, CloseType::Fin);
    let truth = earlier.truth(expect.verdict);
    Ok(Truth { closer: Closer::Both, phase: expect.phase, in_flight: expect.in_flight, ..truth })
}

#[cfg(test)]
mod tests;
