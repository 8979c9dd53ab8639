//! AMQP 0-9-1 (its specification, sections 2.3.5 and 4.2.3) and AMQP 1.0 (OASIS, part 2).

use super::{Edges, Message, Said, State, Word};
use crate::labels::Cause;

const METHOD: u8 = 1;
const HEARTBEAT: u8 = 8;
const FRAME_END: u8 = 0xce;
/// Connection.Close and Connection.Close-Ok, by class and method.
const CLOSE: (u16, u16) = (10, 50);
const CLOSE_OK: (u16, u16) = (10, 51);
/// Methods that nothing answers: publish, ack, reject, nack, flow-ok of a channel.
const UNANSWERED: [(u16, u16); 5] = [(60, 40), (60, 80), (60, 90), (60, 120), (20, 21)];
/// Messages from the server that nobody asks for: return, deliver, ack, nack, cancel.
const CONNECTION_FORCED: u16 = 320;

pub(super) fn is_spoken(edges: &Edges<'_>) -> bool {
    edges.client.opening.starts_with(b"AMQP\0\0\x09\x01") || edges.client.opening.starts_with(b"AMQP\x01\x01")
}

pub(super) fn is_1_0_spoken(edges: &Edges<'_>) -> bool {
    matches!(edges.client.opening.first, [b'A', b'M', b'Q', b'P', 0 | 2 | 3, 1, 0, 0, ..])
}

pub(super) fn is_spoken_later(edges: &Edges<'_>) -> bool {
    let is_frames = |message: &Message<'_>| {
        message.be32(3).is_some_and(|size| u64::from(size) + 8 <= u64::from(message.len))
            && matches!(message.byte(0), 1..=3 | HEARTBEAT)
            && message.ends_with(&[FRAME_END])
    };
    is_frames(&edges.client.newest) && (edges.server.newest.is_empty() || is_frames(&edges.server.newest))
}

pub(super) fn read(edges: &Edges<'_>) -> Said {
    let (client, server) = (method(&edges.client.newest), method(&edges.server.newest));
    let word = close(&edges.server.newest).filter(|_| server == Some(CLOSE));
    // Content without its method at the head: a message that is published, or delivered.
    let asks = client.is_some_and(|method| !UNANSWERED.contains(&method));
    let state = match () {
        () if word.is_some() => State::Idle,
        () if edges.client_spoke_last && asks && !edges.client.newest.is_empty() => State::Turns,
        () => State::Idle,
    };
    let farewell = matches!(client, Some(CLOSE | CLOSE_OK)) && word.is_none();
    Said {
        state,
        farewell,
        // A peer that has heard nothing for two intervals is left without Connection.Close (section 4.2.7).
        owes_a_word: !farewell && word.is_none(),
        word,
        ..Said::default()
    }
}

/// A frame's first four bytes are its size; performatives are behind its header.
pub(super) fn read_1_0(edges: &Edges<'_>) -> Said {
    // The `close` performative (0x18) of a small frame.
    let is_close = |message: &Message<'_>| message.first.get(8..11) == Some(&[0, 0x53, 0x18]);
    let word = is_close(&edges.server.newest).then(|| Word {
        cause: Cause::ServerError,
        code: "close".to_owned(),
        is_answer: false,
    });
    let farewell = is_close(&edges.client.newest);
    Said { state: State::Idle, farewell, word: word.filter(|_| !farewell), ..Said::default() }
}

fn method(message: &Message<'_>) -> Option<(u16, u16)> {
    (message.byte(0) == METHOD).then_some(message.be16(7).zip(message.be16(9))?)
}

/// What Connection.Close says (section 1.4.2, reply codes).
fn close(message: &Message<'_>) -> Option<Word> {
    let code = message.be16(11)?;
    let cause = if code == CONNECTION_FORCED { Cause::AdminShutdown } else { Cause::ServerError };
    Some(Word { cause, code: format!("connection.close {code}"), is_answer: false })
}
