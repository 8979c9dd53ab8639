use whohungup_ebpf::{
    exchange::{Exchange, IN, OUT, TUNNEL, state},
    framing::sample::follow,
};
use zerocopy::FromZeros as _;

use super::*;
use crate::http::{self, Written};

const UPGRADE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
const SWITCH: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nServer: nginx\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\r\n";
const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// A frame of the client's is masked.
fn frame(direction: u8, first: u8, payload: &[u8]) -> Vec<u8> {
    let (mask_bit, mask) = if direction == IN { (0x80, &MASK[..]) } else { (0, &[][..]) };
    let len = match payload.len() {
        short @ 0..126 => vec![mask_bit | short as u8],
        len => [&[mask_bit | 0x7e][..], &(len as u16).to_be_bytes()].concat(),
    };
    let body = payload
        .iter()
        .enumerate()
        .map(|(at, byte)| if mask.is_empty() { *byte } else { byte ^ MASK[at % 4] });
    [&[first][..], &len, mask, &body.collect::<Vec<u8>>()].concat()
}

fn close(direction: u8, code: u16, reason: &str) -> Vec<u8> {
    frame(direction, 0x88, &[&code.to_be_bytes()[..], reason.as_bytes()].concat())
}

/// A server's socket behind the 101; each piece of what is said is a segment of so many bytes.
struct Wire {
    exchange: Exchange,
    seqs: [u32; 2],
    now: u32,
    piece: usize,
}

impl Wire {
    fn new(piece: usize) -> Self {
        let mut wire =
            Self { exchange: Exchange::new_zeroed(), seqs: [u32::MAX - 90, 7], now: 100, piece: usize::MAX };
        wire.says(IN, UPGRADE);
        wire.says(OUT, SWITCH);
        Self { piece, ..wire }
    }

    fn says(&mut self, direction: u8, bytes: &[u8]) {
        for piece in bytes.chunks(self.piece) {
            self.now += 1;
            let seq = &mut self.seqs[usize::from(direction)];
            follow(&mut self.exchange, direction, *seq, piece, self.now);
            *seq = seq.wrapping_add(piece.len() as u32);
        }
    }

    fn standing(&self) -> http::ExchangeState {
        http::read(&self.exchange, Written { write_seq: self.seqs[1], sent_seq: self.seqs[1] })
    }

    fn websocket(&self) -> WebSocket {
        *self.standing().websocket.expect("a WebSocket")
    }
}

#[test]
fn a_close_frame_is_read_whatever_the_segments() {
    for piece in [1, 2, 3, 5, 7, 64, 4096] {
        let mut wire = Wire::new(piece);
        wire.says(IN, &frame(IN, 0x81, &[b'a'; 300]));
        wire.says(OUT, &[frame(OUT, 0x82, &[b'b'; 126]), frame(OUT, 0x89, b"now")].concat());
        wire.says(IN, &frame(IN, 0x8a, b"now"));
        wire.says(IN, &close(IN, 1001, "tab closed"));
        wire.says(OUT, &close(OUT, 1001, ""));
        let websocket = wire.websocket();
        assert!(websocket.is_whole, "{piece}");
        assert_eq!(websocket.closed_by, Some(Side::Client), "{piece}");
        let (by, first) = websocket.first_close().expect("a close frame");
        assert_eq!((by, first.code, &*first.reason), (Side::Client, 1001, "tab closed"), "{piece}");
        assert_eq!(websocket.server.close.as_ref().map(|frame| frame.code), Some(1001));
        let counts = |sent: &SentFrames| (sent.frames, sent.pings, sent.pongs, sent.unfinished);
        assert_eq!(counts(&websocket.client), (3, 0, 1, false), "{piece}");
        assert_eq!(counts(&websocket.server), (3, 1, 0, false), "{piece}");
        assert_eq!(first.to_string(), "1001 (going away), \"tab closed\"");
    }
}

#[test]
fn a_close_frame_may_be_empty_long_or_of_an_applications_own_code() {
    let mut wire = Wire::new(4096);
    wire.says(OUT, &[0x88, 0]);
    let empty = wire.websocket();
    assert_eq!(empty.first_close().map(|(by, frame)| (by, frame.code)), Some((Side::Server, 1005)));
    assert!(empty.server.close.expect("closed").is_polite());
    let long = "x".repeat(123);
    let mut wire = Wire::new(10);
    wire.says(IN, &close(IN, 4001, &long));
    let frame = wire.websocket().client.close.expect("closed");
    assert_eq!((frame.code, frame.reason.len(), frame.is_polite()), (4001, CLOSE_BYTES - 6, true));
}

#[test]
fn a_message_that_has_not_come_in_full_is_under_way() {
    let text = frame(OUT, 0x81, &[b'a'; 200]);
    for cut in 1..text.len() {
        let mut wire = Wire::new(4096);
        wire.says(OUT, &text[..cut]);
        assert!(wire.websocket().server.unfinished, "{cut}");
        wire.says(OUT, &text[cut..]);
        assert!(!wire.websocket().server.unfinished, "{cut}");
    }
    // Fragments, with a ping in between.
    let mut wire = Wire::new(4096);
    wire.says(IN, &[frame(IN, 0x01, b"one"), frame(IN, 0x89, b"")].concat());
    assert!(wire.websocket().client.unfinished);
    wire.says(IN, &frame(IN, 0x80, b"end"));
    assert!(!wire.websocket().client.unfinished);
    // A ping that has not come in full is no message.
    wire.says(IN, &frame(IN, 0x89, b"ping")[..5]);
    assert!(!wire.websocket().client.unfinished);
}

#[test]
fn silence_counts_from_any_frame_and_activity_from_data() {
    let mut wire = Wire::new(4096);
    wire.says(OUT, &frame(OUT, 0x81, b"hello"));
    wire.now += 500;
    wire.says(OUT, &frame(OUT, 0x89, b""));
    wire.now += 99;
    wire.says(IN, &frame(IN, 0x8a, b""));
    wire.now += 2000;
    wire.says(IN, &close(IN, 1000, ""));
    let websocket = wire.websocket();
    // The silence that the close ended is not one that a frame ended.
    assert_eq!(websocket.longest, 501);
    assert_eq!(websocket.server.data_at.zip(websocket.server.ping_at), Some((103, 604)));
    assert_eq!((websocket.client.last_at, websocket.client.data_at), (Some(704), None));
}

#[test]
fn what_is_no_websocket_is_a_tunnel() {
    let docker = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    let mut wire = Wire::new(4096);
    wire.says(IN, b"GET / HTTP/1.1\r\n\r\n");
    assert!(wire.standing().websocket.is_none(), "no client's frame is without a mask");
    assert!(wire.standing().exact);
    assert_eq!(wire.exchange.streams[0].state, state::TUNNEL);
    let mut other = Wire { exchange: Exchange::new_zeroed(), seqs: [0, 0], now: 0, piece: usize::MAX };
    other.says(IN, UPGRADE);
    other.says(OUT, docker);
    other.says(OUT, b"\x81\x02hi");
    let standing = http::read(&other.exchange, Written { write_seq: 0, sent_seq: 0 });
    assert!(standing.websocket.is_none() && other.exchange.flags & TUNNEL != 0);
}

#[test]
fn bytes_that_were_not_seen_leave_no_frames_to_tell() {
    let mut wire = Wire::new(4096);
    wire.says(OUT, &frame(OUT, 0x81, b"hello"));
    wire.seqs[1] = wire.seqs[1].wrapping_add(10);
    wire.says(OUT, &close(OUT, 1001, ""));
    let websocket = wire.websocket();
    assert!(!websocket.is_whole && websocket.closed_by.is_none());
    // Within a frame nothing is missed.
    let mut wire = Wire::new(4096);
    wire.says(OUT, &frame(OUT, 0x82, &[0; 100])[..20]);
    wire.seqs[1] = wire.seqs[1].wrapping_add(50);
    wire.says(OUT, &[vec![0; 32], close(OUT, 1001, "")].concat());
    let websocket = wire.websocket();
    assert_eq!((websocket.is_whole, websocket.closed_by), (true, Some(Side::Server)));
}
