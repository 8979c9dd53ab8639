//! Random WebSockets: after every segment what is said of the frames is what a plain reader of the same bytes says.

use std::iter::repeat_with;

use fastrand::Rng;
use whohungup_core::{
    http::{self, CloseFrame, Opcode, SentFrames, WebSocket, Written},
    labels::Side,
};
use whohungup_ebpf::{
    exchange::{Exchange, IN, OUT},
    framing::sample::follow,
};
use zerocopy::FromZeros as _;

const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
const RESPONSE: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
/// Of a close frame, what is kept of its reason: of the client's four bytes less, for its mask.
const KEPT_REASON: usize = 62;

/// A frame, and where it stands when so many bytes of it have passed.
#[derive(Clone)]
struct Frame {
    first: u8,
    bytes: Vec<u8>,
    close: Option<(u16, String)>,
}

fn frame(rng: &mut Rng, asks: bool, first: u8, payload: &[u8]) -> Frame {
    let len = payload.len();
    let mut bytes = vec![first];
    let mask_bit = if asks { 0x80 } else { 0 };
    // Some write a length longer than they must.
    match rng.u8(..8) {
        0 if first & 0x0f < 8 => {
            bytes.push(mask_bit | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
        _ if len < 126 => bytes.push(mask_bit | len as u8),
        _ => {
            bytes.push(mask_bit | 0x7e);
            bytes.extend((len as u16).to_be_bytes());
        }
    }
    if asks {
        let mask: [u8; 4] = rng.u32(..).to_ne_bytes();
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    } else {
        bytes.extend(payload);
    }
    Frame { first, bytes, close: None }
}

fn noise(rng: &mut Rng, most: usize) -> Vec<u8> {
    let len = rng.usize(..most);
    repeat_with(|| rng.u8(..)).take(len).collect()
}

/// The frames of one end, in an order in which they may come; a close frame at the end, perhaps.
fn frames(rng: &mut Rng, asks: bool) -> Vec<Frame> {
    let (mut all, mut is_in_message) = (Vec::new(), false);
    for _ in 0..rng.usize(..12) {
        let payload = match rng.u8(..10) {
            0 => noise(rng, 3000),
            1 => noise(rng, 130),
            _ => noise(rng, 30),
        };
        let first = match rng.u8(..6) {
            0 => 0x89,
            1 => 0x8a,
            _ if is_in_message && rng.bool() => {
                is_in_message = false;
                0x80
            }
            _ if is_in_message => 0x00,
            2 => {
                is_in_message = true;
                0x01 + rng.u8(..2)
            }
            // With one of the bits that compression uses.
            3 => 0xc1,
            _ => 0x81 + rng.u8(..2),
        };
        let payload = if first & 0x0f >= 8 { &payload[..payload.len().min(125)] } else { &payload[..] };
        all.push(frame(rng, asks, first, payload));
    }
    if rng.u8(..3) > 0 {
        // 1005 stands for none, and is never sent (RFC 6455 section 7.4.1).
        let code = 1006 + rng.u16(..3994);
        let reason = "said at the end, by one that has much to say ".repeat(2);
        let reason = &reason[..rng.usize(..reason.len())];
        let is_empty = rng.u8(..4) == 0;
        let payload = if is_empty { Vec::new() } else { [&code.to_be_bytes(), reason.as_bytes()].concat() };
        let kept = &reason[..reason.len().min(KEPT_REASON - if asks { 4 } else { 0 })];
        let said = if is_empty { (1005, String::new()) } else { (code, kept.to_owned()) };
        all.push(Frame { close: Some(said), ..frame(rng, asks, 0x88, &payload) });
    }
    all
}

/// What the first `passed` bytes of `frames` say: newest frame, frames, pings, pongs, close frame, unfinished.
type Said = (Option<u8>, u32, u32, u32, Option<(u16, String)>, bool);

fn read(frames: &[Frame], passed: usize) -> Said {
    let (mut said, mut at, mut is_in_message): (Said, _, _) = Default::default();
    for frame in frames {
        let came = passed.saturating_sub(at).min(frame.bytes.len());
        at += frame.bytes.len();
        let is_whole = came == frame.bytes.len();
        let opcode = frame.first & 0x0f;
        if came >= 2 {
            said.0 = Some(opcode);
            said.1 += 1;
            said.2 += u32::from(opcode == 9);
            said.3 += u32::from(opcode == 10);
            if opcode < 3 {
                is_in_message = frame.first & 0x80 == 0;
            }
        }
        said.5 = is_in_message || (came == 1) || (came >= 2 && !is_whole && opcode < 3);
        // What is kept of a close frame may be there before its end is.
        let is_empty = frame.close.as_ref().is_some_and(|(code, _)| *code == 1005);
        let kept = if is_empty { 2 } else { frame.bytes.len().min(2 + 64) };
        if opcode == 8 && came >= kept {
            said.4.clone_from(&frame.close);
            said.5 = is_in_message;
        }
        if !is_whole {
            break;
        }
    }
    said
}

fn reported(sent: &SentFrames) -> Said {
    let SentFrames { last, frames, pings, pongs, close, unfinished, .. } = sent;
    let opcode = last.map(|last| match last {
        Opcode::Continuation => 0,
        Opcode::Text => 1,
        Opcode::Binary => 2,
        Opcode::Close => 8,
        Opcode::Ping => 9,
        Opcode::Pong => 10,
    });
    let close = close.as_ref().map(|CloseFrame { code, reason, .. }| (*code, reason.clone()));
    (opcode, *frames, *pings, *pongs, close, *unfinished)
}

/// Plays one; how many readings were compared.
pub(crate) fn play(rng: &mut Rng) -> u64 {
    let server = if rng.bool() { OUT } else { IN };
    let client = IN + OUT - server;
    let mut exchange = Exchange::new_zeroed();
    let both = [frames(rng, true), frames(rng, false)];
    let bytes =
        both.each_ref().map(|frames| frames.iter().flat_map(|frame| frame.bytes.clone()).collect::<Vec<_>>());
    let mut seqs = [rng.u32(..), u32::MAX - rng.u32(..200)];
    let (mut now, mut passed, mut compared, mut first_close) = (1, [0, 0], 0, None);
    follow(&mut exchange, client, seqs[0], REQUEST, now);
    // The server's first frames may come with the 101.
    let early = if rng.bool() { rng.usize(..=bytes[1].len().min(300)) } else { 0 };
    follow(&mut exchange, server, seqs[1], &[RESPONSE, &bytes[1][..early]].concat(), now);
    seqs = [seqs[0].wrapping_add(REQUEST.len() as u32), seqs[1].wrapping_add(RESPONSE.len() as u32)];
    passed[1] = early;
    let most = [1, 3, 40, 2000][rng.usize(..4)];
    loop {
        let standing = http::read(&exchange, Written { write_seq: 0, sent_seq: 0 });
        let websocket: &WebSocket = standing.websocket.as_deref().expect("a WebSocket");
        for (end, sent) in [&websocket.client, &websocket.server].into_iter().enumerate() {
            assert_eq!(reported(sent), read(&both[end], passed[end]), "end {end} after {passed:?}");
            if sent.close.is_some() && first_close.is_none() {
                first_close = Some(if end == 0 { Side::Client } else { Side::Server });
            }
        }
        assert_eq!(websocket.closed_by, first_close, "after {passed:?}");
        assert!(standing.exact, "after {passed:?}");
        compared += 1;
        let end = rng.usize(..2);
        let end = if passed[end] == bytes[end].len() { 1 - end } else { end };
        let left = bytes[end].len() - passed[end];
        if left == 0 {
            return compared;
        }
        let len = rng.usize(1..=most).min(left);
        now += 1;
        // Some of it may come once more.
        let again = rng.usize(..=passed[end]).min(if rng.u8(..6) == 0 { 50 } else { 0 });
        let from = passed[end] - again;
        let seq = seqs[end].wrapping_add(from as u32);
        let direction = if end == 0 { client } else { server };
        follow(&mut exchange, direction, seq, &bytes[end][from..passed[end] + len], now);
        passed[end] += len;
    }
}
