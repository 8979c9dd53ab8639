//! As much of HTTP/2 (RFC 9113) as scripts need: frames out, and where the streams stand from all that was said.

use crate::{
    oracle::{State, Talk},
    server_cases::Frame,
    truth::Phase,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// A gRPC message: not compressed, two bytes.
const MESSAGE: &[u8] = b"\0\0\0\0\x02hi";

pub(crate) fn is_spoken(asked: &[u8]) -> bool {
    asked.starts_with(PREFACE)
}

/// What a scripted client writes for these.
pub(crate) fn client_bytes(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        match frame {
            Frame::Preface => {
                bytes.extend_from_slice(PREFACE);
                put(&mut bytes, SETTINGS, 0, 0, &[]);
            }
            Frame::PartOfHead => {
                let mut whole = Vec::new();
                put(&mut whole, HEADERS, END_HEADERS, 1, &request_head("/lab/sleep"));
                bytes.extend_from_slice(&whole[..20]);
            }
            Frame::Begin(stream, path) => begin(&mut bytes, *stream, path, 0),
            Frame::Call(stream, path) => begin(&mut bytes, *stream, path, END_STREAM),
            Frame::Cancel(stream) => put(&mut bytes, RST_STREAM, 0, *stream, &8_u32.to_be_bytes()),
            Frame::Ping => put(&mut bytes, PING, 0, 0, &[7; 8]),
        }
    }
    bytes
}

fn begin(bytes: &mut Vec<u8>, stream: u32, path: &str, flags: u8) {
    put(bytes, HEADERS, END_HEADERS, stream, &request_head(path));
    put(bytes, DATA, flags, stream, MESSAGE);
}

/// A scripted server's first bytes.
pub(crate) fn server_preface() -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, SETTINGS, 0, 0, &[]);
    put(&mut bytes, SETTINGS, ACK, 0, &[]);
    bytes
}

/// The beginning of a response: its head and a message.
pub(crate) fn response_begin(stream: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut head = vec![0x88];
    content_type(&mut head);
    put(&mut bytes, HEADERS, END_HEADERS, stream, &head);
    put(&mut bytes, DATA, 0, stream, MESSAGE);
    bytes
}

/// The end of a response: its trailers.
pub(crate) fn response_end(stream: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut trailers = Vec::new();
    literal(&mut trailers, "grpc-status", "0");
    put(&mut bytes, HEADERS, END_HEADERS | END_STREAM, stream, &trailers);
    bytes
}

fn put(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
}

/// HPACK (RFC 7541) without Huffman coding and without the dynamic table.
fn request_head(path: &str) -> Vec<u8> {
    // :method POST, :scheme http, then :path and :authority by the indices of their names.
    let mut head = vec![0x83, 0x86, 0x04, path.len() as u8];
    head.extend_from_slice(path.as_bytes());
    head.extend_from_slice(b"\x01\x03lab");
    content_type(&mut head);
    literal(&mut head, "te", "trailers");
    head
}

fn content_type(head: &mut Vec<u8>) {
    literal(head, "content-type", "application/grpc");
}

fn literal(head: &mut Vec<u8>, name: &str, value: &str) {
    head.extend_from_slice(&[0, name.len() as u8]);
    head.extend_from_slice(name.as_bytes());
    head.push(value.len() as u8);
    head.extend_from_slice(value.as_bytes());
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    kind: u8,
    flags: u8,
    stream: u32,
    /// Of its payload all came.
    whole: bool,
}

fn frames(mut bytes: &[u8]) -> Vec<Header> {
    let mut frames = Vec::new();
    while let Some((&[a, b, c, kind, flags, s0, s1, s2, s3], payload)) = bytes.split_first_chunk() {
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
        frames.push(Header { kind, flags, stream, whole: payload.len() >= length });
        bytes = payload.get(length..).unwrap_or_default();
    }
    frames
}

#[derive(Debug)]
struct Stream {
    id: u32,
    has_head: bool,
    asked: bool,
    begun: bool,
    answered: bool,
    reset: bool,
}

impl Stream {
    fn is_open(&self) -> bool {
        !(self.reset || (self.asked && self.answered))
    }
}

fn streams(talk: &Talk) -> Vec<Stream> {
    let mut streams: Vec<Stream> = Vec::new();
    for Header { kind, flags, stream: id, whole } in
        frames(talk.asked.get(PREFACE.len()..).unwrap_or_default())
    {
        if kind == HEADERS && !streams.iter().any(|stream| stream.id == id) {
            let new =
                Stream { id, has_head: false, asked: false, begun: false, answered: false, reset: false };
            streams.push(new);
        }
        let Some(stream) = streams.iter_mut().find(|stream| stream.id == id) else { continue };
        match kind {
            HEADERS | CONTINUATION => {
                stream.has_head |= whole && flags & END_HEADERS != 0;
                stream.asked |= whole && kind == HEADERS && flags & END_STREAM != 0;
            }
            DATA => stream.asked |= whole && flags & END_STREAM != 0,
            RST_STREAM => stream.reset |= whole,
            _ => {}
        }
    }
    for Header { kind, flags, stream: id, whole } in frames(&talk.answered) {
        let Some(stream) = streams.iter_mut().find(|stream| stream.id == id) else { continue };
        match kind {
            HEADERS | DATA => {
                stream.begun = true;
                stream.answered |= whole && flags & END_STREAM != 0;
            }
            RST_STREAM => stream.reset |= whole,
            _ => {}
        }
    }
    streams
}

/// Where the streams stand; the phase is that of the oldest open one.
pub(crate) fn state(talk: &Talk) -> State {
    let streams = streams(talk);
    let phase = match streams.iter().find(|stream| stream.is_open()) {
        None if streams.is_empty() => Phase::Unused,
        None => Phase::Idle,
        Some(stream) if !stream.has_head => Phase::RequestHead,
        Some(stream) if !stream.asked => Phase::RequestBody,
        Some(stream) if stream.begun => Phase::Response,
        Some(_) => Phase::Waiting,
    };
    State {
        phase,
        in_flight: streams.iter().filter(|stream| stream.is_open()).count() as u32,
        announced: false,
        until_close: false,
        answered: streams.iter().filter(|stream| stream.answered).count(),
        early: false,
        timed_out: false,
        lacks: None,
    }
}

/// The streams whose requests' heads have come.
pub(crate) fn requested(talk: &Talk) -> Vec<u32> {
    streams(talk).into_iter().filter(|stream| stream.has_head).map(|stream| stream.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(asked: &[Frame], answered: &[u8]) -> (Phase, u32) {
        let state = Talk { asked: client_bytes(asked), answered: answered.to_vec() }.state();
        (state.phase, state.in_flight)
    }

    #[test]
    fn streams_are_counted_and_other_frames_are_not() {
        use Frame::{Begin, Call, Cancel, PartOfHead, Ping, Preface};
        let settings = server_preface();
        assert_eq!(stands(&[Preface, Ping], &settings), (Phase::Unused, 0));
        assert_eq!(stands(&[Preface, PartOfHead], &settings), (Phase::RequestHead, 1));
        let call = |stream| Call(stream, "/a".to_owned());
        assert_eq!(stands(&[Preface, Begin(1, "/a".to_owned())], &settings), (Phase::RequestBody, 1));
        assert_eq!(stands(&[Preface, call(1), call(3)], &settings), (Phase::Waiting, 2));
        assert_eq!(stands(&[Preface, call(1), Cancel(1)], &settings), (Phase::Idle, 0));
    }

    #[test]
    fn a_response_ends_with_its_stream() {
        let call = [Frame::Preface, Frame::Call(1, "/a".to_owned()), Frame::Call(3, "/a".to_owned())];
        let begun = [server_preface(), response_begin(1)].concat();
        assert_eq!(stands(&call, &begun), (Phase::Response, 2));
        let ended = [begun, response_end(1)].concat();
        assert_eq!(stands(&call, &ended), (Phase::Waiting, 1));
        assert_eq!(stands(&call, &[ended, response_end(3)].concat()), (Phase::Idle, 0));
    }
}
