//! Random HTTP/2: after every segment the streams that are reported as open are those of a set of their numbers.

use std::collections::BTreeSet;

use fastrand::Rng;
use whohungup_core::{
    http::{self, Written},
    labels::Phase,
};
use whohungup_ebpf::{
    exchange::{Exchange, GOAWAY_BYTES, IN, OUT, Stream},
    framing::sample::follow,
};
use zerocopy::FromZeros as _;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const HEADER: usize = 9;

/// What becomes of a stream when so many bytes of a frame have passed.
#[derive(Clone, Copy, Debug)]
enum Event {
    None,
    Opens(u32),
    Closes(u32),
}

struct Frame {
    asks: bool,
    bytes: Vec<u8>,
    event: (usize, Event),
}

fn frame(rng: &mut Rng, asks: bool, kind: u8, flags: u8, id: u32, most: usize) -> Frame {
    let len = if rng.u8(..4) == 0 { 0 } else { rng.usize(..most) };
    let mut bytes = vec![0, (len >> 8) as u8, len as u8, kind, flags];
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend(std::iter::repeat_with(|| rng.u8(..)).take(len));
    Frame { asks, bytes, event: (0, Event::None) }
}

impl Frame {
    /// The last frame of a message counts when it is whole, one that gives up at once.
    fn closes(mut self, id: u32) -> Self {
        self.event = (if self.bytes[3] == RST_STREAM { HEADER } else { self.bytes.len() }, Event::Closes(id));
        self
    }
}

/// A header block in one or more frames, of which the last one decides.
fn block(rng: &mut Rng, asks: bool, id: u32, ends: bool) -> Vec<Frame> {
    let mut flags = if ends { END_STREAM } else { 0 };
    let mut frames = Vec::new();
    let mut kind = HEADERS;
    for _ in 0..if rng.u8(..6) == 0 { rng.usize(..3) } else { 0 } {
        frames.push(frame(rng, asks, kind, flags, id, 60));
        (kind, flags) = (CONTINUATION, 0);
    }
    frames.push(frame(rng, asks, kind, flags | END_HEADERS, id, 60));
    frames
}

/// Everything that can happen on a connection, in an order in which it can happen.
fn frames(rng: &mut Rng, steps: usize) -> Vec<Frame> {
    let mut all = Vec::new();
    let mut settings = frame(rng, true, 4, 0, 0, 30);
    settings.bytes.splice(..0, *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    all.push(settings);
    all.push(frame(rng, false, 4, 0, 0, 30));
    let (mut next, mut open, mut ended) = (1, Vec::<u32>::new(), Vec::<u32>::new());
    let most_open = [1, 3, 12, 200][rng.usize(..4)];
    for _ in 0..steps {
        let pick = |rng: &mut Rng, from: &[u32]| from.get(rng.usize(..from.len().max(1))).copied();
        match rng.u8(..20) {
            0..=6 if open.len() < most_open => {
                next += if rng.u8(..30) == 0 { 2 * rng.u32(..200) } else { 0 };
                let ends = rng.bool();
                let mut frames = block(rng, true, next, ends);
                frames[0].event = (HEADER, Event::Opens(next));
                all.append(&mut frames);
                open.push(next);
                next += 2;
            }
            7..=12 => {
                // Mostly the newest: the others live long.
                let newest = open.len().saturating_sub(if rng.u8(..6) == 0 { open.len() } else { 2 });
                let Some(id) = pick(rng, &open[newest..]) else { continue };
                if rng.bool() {
                    all.push(frame(rng, false, DATA, 0, id, 2000));
                    continue;
                }
                if rng.bool() {
                    all.push(frame(rng, false, DATA, END_STREAM, id, 300).closes(id));
                } else {
                    let mut frames = block(rng, false, id, true);
                    let last = frames.pop().expect("one at least").closes(id);
                    all.append(&mut frames);
                    all.push(last);
                }
                open.retain(|&one| one != id);
                ended.push(id);
            }
            13 => {
                let Some(id) = pick(rng, &open) else { continue };
                let asks = rng.bool();
                all.push(frame(rng, asks, RST_STREAM, 0, id, 5).closes(id));
                open.retain(|&one| one != id);
                ended.push(id);
                if asks && rng.bool() {
                    // The answer was under way.
                    all.push(frame(rng, false, DATA, END_STREAM, id, 30));
                }
            }
            14 => {
                // After the end, for instance because the request's body is not wanted.
                let Some(id) = pick(rng, &ended) else { continue };
                let asks = rng.bool();
                all.push(frame(rng, asks, RST_STREAM, 0, id, 5));
            }
            15 => {
                let Some(id) = pick(rng, &open) else { continue };
                let flags = if rng.u8(..4) == 0 { END_STREAM } else { 0 };
                all.push(frame(rng, true, DATA, flags, id, 500));
            }
            16 => {
                // Interim responses, and headers that come before the data.
                let Some(id) = pick(rng, &open) else { continue };
                all.append(&mut block(rng, false, id, false));
            }
            _ => {
                let kind = [6, 8, 2, GOAWAY, 4, 13][rng.usize(..6)];
                let asks = rng.bool();
                let flags = rng.u8(..);
                all.push(frame(rng, asks, kind, flags, 0, if kind == GOAWAY { 120 } else { 20 }));
            }
        }
    }
    all
}

/// A whole GOAWAY has passed: what is kept is what it said.
fn check_goaway(stream: &Stream, payload: &[u8]) {
    let kept = stream.goaway().map(|frame| (frame.last_stream, frame.code, frame.debug.to_vec()));
    let number = |at: usize| Some(u32::from_be_bytes(payload.get(at..at + 4)?.try_into().ok()?));
    let said = number(0)
        .zip(number(4))
        .map(|(last, code)| (last & 0x7fff_ffff, code, payload[8..payload.len().min(GOAWAY_BYTES)].to_vec()));
    assert_eq!(kept, said);
}

/// Plays one connection; how many readings were compared and how many of them were in doubt.
pub(crate) fn play(rng: &mut Rng) -> (u64, u64) {
    let steps = if rng.u8(..8) == 0 { 1500 } else { rng.usize(..200) };
    let frames = frames(rng, steps);
    let mut exchange = Exchange::new_zeroed();
    let request_direction = if rng.bool() { IN } else { OUT };
    let mut seqs = [rng.u32(..), u32::MAX - rng.u32(..5000)];
    let mut open = BTreeSet::new();
    let (mut compared, mut doubtful, mut any) = (0, 0, false);
    let longest = [1, 7, 20, 3000][rng.usize(..4)];
    for Frame { asks, bytes, event } in frames {
        let direction = if asks { request_direction } else { IN + OUT - request_direction };
        let mut passed = 0;
        // The preface before the first frame's header.
        let at = event.0;
        while passed < bytes.len() {
            let len = rng.usize(1..=longest).min(bytes.len() - passed);
            let seq = &mut seqs[usize::from(direction)];
            follow(&mut exchange, direction, *seq, &bytes[passed..passed + len], 1);
            *seq = seq.wrapping_add(len as u32);
            if (passed + 1..=passed + len).contains(&at) {
                match event.1 {
                    Event::Opens(id) => _ = open.insert(id),
                    Event::Closes(id) => _ = open.remove(&id),
                    Event::None => {}
                }
                any |= !open.is_empty();
            }
            passed += len;
            if !http::is_read(&exchange) {
                continue;
            }
            let standing = {
                let write_seq = seqs[usize::from(OUT)];
                http::read(&exchange, Written { write_seq, sent_seq: write_seq })
            };
            if !standing.http2 {
                // Not before the preface is whole.
                assert!(asks && passed < 24, "{exchange:?}");
                continue;
            }
            compared += 1;
            if passed == bytes.len() && bytes[3] == GOAWAY && bytes.len() > HEADER {
                check_goaway(&exchange.streams[usize::from(direction)], &bytes[HEADER..]);
            }
            if !standing.exact {
                doubtful += 1;
                continue;
            }
            assert_eq!(standing.in_flight, Some(open.len() as u32), "{open:?}, base {}", exchange.base);
            let is_at_rest = matches!(standing.phase, Phase::Idle | Phase::Unused);
            assert_eq!((is_at_rest, standing.phase == Phase::Unused), (open.is_empty(), !any), "{open:?}");
        }
    }
    (compared, doubtful)
}
