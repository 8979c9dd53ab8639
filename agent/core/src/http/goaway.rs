//! What HTTP/2's GOAWAY frames say (RFC 9113 section 6.8), and the streams that went down with them.

use std::fmt;

use serde::{Deserialize, Serialize};
use whohungup_ebpf::exchange::{Exchange, IN, OUT};

use crate::{
    labels::{Cause, Side},
    sanitize::clean,
};

/// Characters of the debug data that are shown.
const MAX_TEXT: usize = 64;

/// RFC 9113 section 7.
const ERRORS: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// The newest GOAWAY frame of the side that said it first, or that says that the connection failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goaway {
    pub by: Side,
    /// Its error code by name; a number where it has none.
    pub error: String,
    pub last_stream: u32,
    /// Its debug data.
    pub debug: String,
    /// For how long the connection had been idle by then, seconds.
    #[serde(rename = "idle_seconds")]
    pub idle: Option<f64>,
    /// Jiffies when it passed.
    #[serde(skip)]
    pub at: u32,
    /// The other side said it too, and may have said it first: of each side the newest is known.
    #[serde(skip)]
    pub is_answered: bool,
}

impl Goaway {
    pub fn of(exchange: &Exchange) -> Option<Self> {
        let answering = usize::from((IN + OUT - exchange.request_direction) & 1);
        let frame = |by: Side, direction: usize| {
            let frame = exchange.streams[direction].goaway()?;
            Some(Self {
                by,
                error: ERRORS
                    .get(frame.code as usize)
                    .map_or(frame.code.to_string(), |&name| name.to_owned()),
                last_stream: frame.last_stream,
                debug: clean(&String::from_utf8_lossy(frame.debug), MAX_TEXT),
                idle: None,
                at: frame.at,
                is_answered: false,
            })
        };
        match (frame(Side::Server, answering), frame(Side::Client, 1 - answering)) {
            (Some(server), Some(client)) => {
                // A goodbye is answered with another.
                let later = server.at.wrapping_sub(client.at) as i32;
                let is_newest = usize::from(exchange.last_direction) == answering;
                let is_answer = server.is_polite() && (later > 0 || (later == 0 && is_newest));
                Some(if is_answer { Self { is_answered: true, ..client } } else { server })
            }
            (server, client) => server.or(client),
        }
    }

    /// Its error code is one of RFC 9113 section 7.
    pub fn is_defined(&self) -> bool {
        ERRORS.contains(&&*self.error)
    }

    /// The end of the connection was no failure.
    pub fn is_polite(&self) -> bool {
        self.error == ERRORS[0]
    }

    /// The client had sent more pings than the server allows.
    pub fn is_of_pings(&self) -> bool {
        self.error == ERRORS[11] && self.debug.to_ascii_lowercase().contains("ping")
    }

    /// What its words prove where they are known: those of gRPC's C core, Go and Java.
    pub fn cause(&self) -> Cause {
        let words = self.debug.to_ascii_lowercase();
        let says = |all: &[&str]| all.iter().any(|word| words.contains(word));
        // The C core reports its own limits as errors ("connection idle", measured with grpcio 1.85).
        let is_planned = self.is_polite() || self.error == ERRORS[2];
        match is_planned && self.by == Side::Server {
            true if says(&["max_age", "max age", "max_connection_age"]) => Cause::MaxAge,
            true if says(&["max_idle", "idle"]) => Cause::KeepaliveTimer,
            true if says(&[
                "graceful",
                "shutdown",
                "shutting down",
                "app_requested",
                "cancelling all calls",
            ]) =>
            {
                Cause::Shutdown
            }
            _ => Cause::H2Goaway,
        }
    }
}

impl fmt::Display for Goaway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, error, last_stream, debug, .. } = self;
        write!(f, "the {by}'s GOAWAY: {error}, last stream {last_stream}")?;
        if debug.is_empty() { Ok(()) } else { write!(f, ", \"{debug}\"") }
    }
}

/// Open streams that one side gave up in one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub by: Side,
    pub streams: u32,
    /// Jiffies then.
    pub at: u32,
}

impl Cut {
    /// Of the server, and of the client.
    pub(super) fn of(exchange: &Exchange) -> [Option<Self>; 2] {
        let answering = usize::from((IN + OUT - exchange.request_direction) & 1);
        [(Side::Server, answering), (Side::Client, 1 - answering)].map(|(by, direction)| {
            let (streams, at) = exchange.streams[direction].cut()?;
            Some(Self { by, streams, at })
        })
    }
}
