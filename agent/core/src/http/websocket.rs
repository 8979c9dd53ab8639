//! What the frames of a WebSocket say (RFC 6455 section 5): who took leave and why, who pinged whom, what was under way.

use std::fmt;

use serde::{Deserialize, Serialize};
use whohungup_ebpf::{
    exchange::{Stream, notes, state},
    websocket::{CLOSE_BYTES, Frames, note},
};

use crate::{labels::Side, sanitize::clean};

/// A close frame without a code (RFC 6455 section 7.4.1).
const NO_CODE: u16 = 1005;
const MASK_BYTES: usize = 4;
const MASKED: u8 = 0x80;

crate::label_set! {
    /// What a frame is.
    pub enum Opcode {
        Continuation,
        Text,
        Binary,
        Close,
        Ping,
        Pong,
    }
}

/// A WebSocket, as far as its frames were read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebSocket {
    /// Whose close frame came first; `None` where neither end sent one: it was cut off (1006).
    pub closed_by: Option<Side>,
    pub client: SentFrames,
    pub server: SentFrames,
    /// Seconds since the last data frame either way; where there was none, since the 101.
    #[serde(rename = "data_silent_seconds")]
    pub data_silent: Option<f64>,
    /// Seconds: the longest time without a frame that ended with one.
    #[serde(rename = "longest_silence_seconds")]
    pub longest_silence: Option<f64>,
    /// Jiffies at the 101.
    #[serde(skip)]
    pub(crate) began_at: u32,
    /// Ticks.
    #[serde(skip)]
    pub(crate) longest: u32,
    /// Every frame was read, and each was one.
    #[serde(skip)]
    pub(crate) is_whole: bool,
}

/// What one end sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SentFrames {
    /// The newest frame.
    pub last: Option<Opcode>,
    pub frames: u32,
    pub pings: u32,
    pub pongs: u32,
    pub close: Option<CloseFrame>,
    /// A message had begun, and its end had not come.
    pub unfinished: bool,
    /// Jiffies at the newest frame that is no close frame, the newest data, the newest ping.
    #[serde(skip)]
    pub(crate) last_at: Option<u32>,
    #[serde(skip)]
    pub(crate) data_at: Option<u32>,
    #[serde(skip)]
    pub(crate) ping_at: Option<u32>,
}

/// A close frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseFrame {
    /// 1005 where it has none.
    pub code: u16,
    /// The beginning of what it says.
    pub reason: String,
    /// Jiffies when it passed.
    #[serde(skip)]
    pub(crate) at: u32,
}

impl WebSocket {
    /// `None` where what came behind the 101 was not read as frames, or begins with what is none.
    pub(super) fn of(request: &Stream, response: &Stream) -> Option<Self> {
        if request.notes & response.notes & notes::FRAMES == 0 {
            return None;
        }
        let (client, server) = (Frames::of(request), Frames::of(response));
        let is_none = |frames: &Frames| frames.frames == 0 && frames.notes & note::STRANGE != 0;
        if is_none(&client) || is_none(&server) {
            return None;
        }
        let closed_by = match (closes(&client), closes(&server)) {
            (false, false) => None,
            (false, true) => Some(Side::Server),
            (true, true) if client.notes & note::ANSWER != 0 => Some(Side::Server),
            (true, _) => Some(Side::Client),
        };
        Some(Self {
            closed_by,
            client: sent(request, &client),
            server: sent(response, &server),
            data_silent: None,
            longest_silence: None,
            began_at: response.started,
            longest: client.longest.max(server.longest),
            is_whole: is_whole(request, &client) && is_whole(response, &server),
        })
    }

    pub fn sent_by(&self, side: Side) -> &SentFrames {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// The close frame that came first.
    pub fn first_close(&self) -> Option<(Side, &CloseFrame)> {
        let by = self.closed_by?;
        Some((by, self.sent_by(by).close.as_ref()?))
    }
}

fn closes(frames: &Frames) -> bool {
    frames.notes & note::CLOSED != 0
}

/// Behind a frame that was not read in full, or is none, nothing more is.
fn is_whole(stream: &Stream, frames: &Frames) -> bool {
    frames.notes & note::STRANGE == 0 && (stream.state == state::WEBSOCKET || closes(frames))
}

fn sent(stream: &Stream, frames: &Frames) -> SentFrames {
    let last = (frames.frames > 0).then(|| opcode(frames.first)).flatten();
    let is_data = matches!(last, Some(Opcode::Continuation | Opcode::Text | Opcode::Binary));
    let is_in_header = stream.part == 0 && stream.held > 0;
    let is_in_frame = stream.state == state::WEBSOCKET && (stream.skip > 0 || stream.part > 0);
    let is_under_way = stream.state == state::WEBSOCKET && (is_in_header || (is_in_frame && is_data));
    let seen = |count: u32, at: u32| (count > 0).then_some(at);
    // Of a frame that has begun, the newest byte.
    let newest = |at: u32| if is_in_frame || is_in_header { stream.last } else { at };
    SentFrames {
        last,
        frames: frames.frames,
        pings: frames.pings,
        pongs: frames.pongs,
        close: closes(frames).then(|| close_frame(frames)),
        unfinished: is_under_way || frames.notes & note::MESSAGE != 0,
        // A close frame alone is no activity before the end.
        last_at: seen(frames.frames.saturating_sub(u32::from(closes(frames))), frames.last_at).map(newest),
        data_at: if is_under_way { Some(stream.last) } else { Some(frames.data_at).filter(|&at| at != 0) },
        ping_at: seen(frames.pings, frames.ping_at),
    }
}

fn opcode(first: u8) -> Option<Opcode> {
    Some(match first & 0x0f {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return None,
    })
}

/// What it carries, with the client's mask taken away (RFC 6455 section 5.3).
fn close_frame(frames: &Frames) -> CloseFrame {
    let kept = &frames.kept[..usize::from(frames.close_len).min(CLOSE_BYTES)];
    let is_masked = frames.second & MASKED != 0;
    let plain: Vec<u8> = match kept.split_first_chunk::<MASK_BYTES>() {
        Some((mask, rest)) if is_masked => {
            rest.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
        }
        _ if is_masked => Vec::new(),
        _ => kept.to_vec(),
    };
    let (code, reason) = match plain.split_first_chunk() {
        Some((&code, reason)) => (u16::from_be_bytes(code), reason),
        None => (NO_CODE, &[][..]),
    };
    CloseFrame { code, reason: clean(&String::from_utf8_lossy(reason), CLOSE_BYTES), at: frames.close_at }
}

impl CloseFrame {
    /// Its code's name (IANA, WebSocket Close Code Number Registry).
    pub fn name(&self) -> Option<&'static str> {
        Some(match self.code {
            1000 => "normal",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "unsupported data",
            NO_CODE => "no code",
            1007 => "invalid data",
            1008 => "policy violation",
            1009 => "message too big",
            1010 => "extension missing",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            _ => return None,
        })
    }

    /// The end was meant, and no error. From 3000 on applications say what they like.
    pub fn is_polite(&self) -> bool {
        matches!(self.code, 1000 | 1001 | NO_CODE | 1012 | 3000..)
    }

    /// Its words say that pings were not answered (`keepalive ping timeout` of Python's websockets).
    pub fn is_of_pings(&self) -> bool {
        let words = self.reason.to_ascii_lowercase();
        words.contains("ping timeout") || words.contains("pong timeout") || words.contains("heartbeat")
    }

    /// Its words say that nothing was said for too long.
    pub fn is_of_silence(&self) -> bool {
        let words = self.reason.to_ascii_lowercase();
        words.contains("idle") || words.contains("inactiv")
    }
}

impl fmt::Display for CloseFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(name) = self.name() {
            write!(f, " ({name})")?;
        }
        if self.reason.is_empty() { Ok(()) } else { write!(f, ", \"{}\"", self.reason) }
    }
}

#[cfg(test)]
mod tests;
