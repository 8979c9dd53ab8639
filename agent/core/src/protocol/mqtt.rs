//! MQTT (OASIS, versions 3.1.1 and 5.0, section 3).

use super::{Edges, Message, Said, State, Word, edges::End};
use crate::labels::Cause;

/// Packet types, in the upper half of the first byte.
const CONNECT: u8 = 1;
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const SUBSCRIBE: u8 = 8;
const UNSUBSCRIBE: u8 = 10;
const DISCONNECT: u8 = 14;

pub(super) fn is_spoken(edges: &Edges<'_>) -> bool {
    let opening = &edges.client.opening;
    // Behind a length of one or two bytes, the protocol's name with its own length.
    let named = |at: usize| {
        let rest = opening.first.get(at..).unwrap_or_default();
        rest.starts_with(b"\0\x04MQTT") || rest.starts_with(b"\0\x06MQIsdp")
    };
    opening.byte(0) == CONNECT << 4 && (named(2) || named(3))
}

pub(super) fn read(edges: &Edges<'_>) -> Said {
    let (client, server) = (&edges.client.newest, &edges.server.newest);
    let state = if edges.client_spoke_last { client_state(&edges.client) } else { State::Idle };
    let refused = kind(server) == CONNACK && server.byte(3) != 0;
    let word = match kind(server) {
        // MQTT 5: a server's own, with its reason.
        DISCONNECT => Some((reason(server.byte(2)), server.byte(2))),
        CONNACK if refused => Some((Cause::ServerError, server.byte(3))),
        _ => None,
    };
    let word = word.filter(|_| !edges.client_spoke_last);
    let word =
        word.map(|(cause, code)| Word { cause, code: format!("reason {code:#04x}"), is_answer: refused });
    Said {
        state,
        farewell: kind(client) == DISCONNECT && client.len <= 4,
        word,
        is_refused_by_closing: edges.client_spoke_last && kind(client) != DISCONNECT,
        most_silence: most_silence(&edges.client.opening),
        ..Said::default()
    }
}

/// What is open when the client spoke last.
fn client_state(client: &End<'_>) -> State {
    let (first, newest) = (&client.turn, &client.newest);
    match () {
        () if client.is_turn_newest && asks(newest) => State::Asked,
        () if client.is_turn_newest => State::Idle,
        // A publication in several pieces has its kind in the first of them; acknowledgments are packets of their own.
        () if !asks_nothing(first) || !asks_nothing(newest) => State::Turns,
        () if client.is_turn_before => State::Idle,
        () => State::Unclear,
    }
}

fn asks(message: &Message<'_>) -> bool {
    match kind(message) {
        PUBLISH => message.byte(0) & 0x06 != 0,
        CONNECT | SUBSCRIBE | UNSUBSCRIBE => true,
        _ => false,
    }
}

/// A whole packet that asks for nothing.
fn asks_nothing(message: &Message<'_>) -> bool {
    let remaining = message.byte(1);
    let is_whole = remaining < 0x80 && message.len == 2 + u32::from(remaining);
    is_whole && !asks(message)
}

/// One and a half times the Keep Alive of CONNECT (MQTT 3.1.1 and 5.0, section 3.1.2.10); of a CONNECT with a short length,
/// which has it among the bytes that are kept.
fn most_silence(opening: &Message<'_>) -> Option<f64> {
    let is_named = opening.first.get(2..8) == Some(b"\0\x04MQTT");
    let seconds = opening.be16(10).filter(|&seconds| is_named && seconds > 0)?;
    Some(f64::from(seconds) * 1.5)
}

fn kind(message: &Message<'_>) -> u8 {
    message.byte(0) >> 4
}

/// Reason codes of DISCONNECT (MQTT 5.0, section 3.14.2.1).
fn reason(code: u8) -> Cause {
    match code {
        0x8b | 0x98 => Cause::AdminShutdown,
        0x8d => Cause::HeartbeatTimeout,
        _ => Cause::ServerError,
    }
}
