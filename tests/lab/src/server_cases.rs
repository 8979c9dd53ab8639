//! What a raw client does to a server, byte by byte: plays/server_cases.toml.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{plays, truth::Phase};

/// One step of a raw client.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Writes this at once.
    Send(String),
    /// Writes this a byte at a time, each in a segment of its own.
    Pieces(String),
    /// Waits for so many complete responses on the connection.
    Answers(usize),
    /// Waits until a response has begun.
    Begun,
    /// Waits for the response that opens a tunnel.
    Tunnel,
    /// Waits until the other scripts have done what they do.
    Pause,
    /// Writes these HTTP/2 frames at once.
    Frames(Vec<Frame>),
}

/// A script that ends in a phase.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) leads_to: Vec<(Phase, u32)>,
    #[serde(default)]
    pub(crate) ends: Ends,
}

/// Who may end a script's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ends {
    /// Either side, in every way that it has.
    #[default]
    All,
    /// The same, and until then the client reads no further.
    Unread,
    /// The server, of itself: one of the messages announces it, or its own backend has failed.
    Itself,
    /// Only a proxy can be brought to it; ended from below, by the backend.
    Below,
}

/// What an HTTP/2 client sends.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Frame {
    /// The preface and its SETTINGS.
    Preface,
    /// The first part of a HEADERS frame.
    PartOfHead,
    /// HEADERS and some DATA of a call to this path on this stream.
    Begin(u32, String),
    /// The same, with `END_STREAM`.
    Call(u32, String),
    /// `RST_STREAM`.
    Cancel(u32),
    /// PING.
    Ping,
}

#[derive(Debug, Deserialize)]
struct Cases {
    http1: Vec<Case>,
    http2: Vec<Case>,
}

static CASES: LazyLock<Cases> = LazyLock::new(|| plays::read(include_str!("../plays/server_cases.toml")));

/// What a piece of software speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    #[default]
    Http1,
    /// HTTP/2 in clear text.
    Http2,
}

/// The scripts of a protocol.
pub(crate) fn of(protocol: Protocol) -> &'static [Case] {
    match protocol {
        Protocol::Http1 => &CASES.http1,
        Protocol::Http2 => &CASES.http2,
    }
}
