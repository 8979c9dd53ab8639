//! What clients are told to do, and who ends it.

use crate::truth::{Column, Side};

/// What a client does. Its target tells the scripted server the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One GET.
    Get,
    /// One HEAD, then it keeps the connection.
    Head,
    /// GET `/fast` first, then the target on the same connection.
    Reuse,
    /// One GET, then it keeps the connection.
    Pool,
    /// One GET, and its pool closes idle connections soon.
    PoolTimer,
    /// One GET, a pause, and the process ends.
    Exit,
    /// A POST that announces 1000 bytes (or more) and sends some.
    Upload,
    /// The same, chunked.
    UploadChunked,
    /// A POST that asks for leave to send its body.
    Expect,
    /// Two GETs at once on one connection.
    Pipeline,
    /// CONNECT to the target.
    Tunnel,
}

impl Mode {
    /// The word that the programs of the lab understand.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Head => "head",
            Self::Reuse => "reuse",
            Self::Pool => "pool",
            Self::PoolTimer => "pool-timer",
            Self::Exit => "exit",
            Self::Upload => "upload",
            Self::UploadChunked => "upload-chunked",
            Self::Expect => "expect",
            Self::Pipeline => "pipeline",
            Self::Tunnel => "tunnel",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ender {
    /// The client, by a time-out of its own or in its own time.
    Itself,
    /// The client, by SIGKILL.
    Kill,
    /// The scripted server.
    Peer,
}

impl Ender {
    pub(crate) fn side(self) -> Side {
        match self {
            Self::Itself | Self::Kill => Side::Client,
            Self::Peer => Side::Server,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Itself => "client-timer",
            Self::Kill => "client-killed",
            Self::Peer => "server",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) mode: Mode,
    pub(crate) target: &'static str,
    pub(crate) column: Column,
    pub(crate) enders: &'static [Ender],
}

impl Case {
    pub(crate) fn name(&self, ender: Ender) -> String {
        format!("{} {} {}", self.mode.word(), self.target, ender.word())
    }
}

use Column::{Body, Idle, Pipelined, Response, Tunnel, Waiting};
use Ender::{Itself, Kill, Peer};

const fn case(mode: Mode, target: &'static str, column: Column, enders: &'static [Ender]) -> Case {
    Case { mode, target, column, enders }
}

/// HTTP/1.1.
pub(crate) const HTTP1: &[Case] = &[
    case(Mode::Upload, "/body", Body, &[Itself, Kill]),
    case(Mode::Upload, "/body?close", Body, &[Peer]),
    case(Mode::Upload, "/body?reset", Body, &[Peer]),
    case(Mode::UploadChunked, "/body", Body, &[Itself, Kill]),
    case(Mode::UploadChunked, "/body?close", Body, &[Peer]),
    // No leave was given and no byte of the body sent.
    case(Mode::Expect, "/leave", Waiting, &[Itself, Kill]),
    case(Mode::Expect, "/leave?close", Waiting, &[Peer]),
    case(Mode::Get, "/sleep", Waiting, &[Itself, Kill]),
    case(Mode::Get, "/sleep?close", Waiting, &[Peer]),
    case(Mode::Get, "/sleep?reset", Waiting, &[Peer]),
    case(Mode::Reuse, "/sleep", Waiting, &[Itself, Kill]),
    case(Mode::Reuse, "/sleep?close", Waiting, &[Peer]),
    case(Mode::Pipeline, "/sleep", Pipelined, &[Itself, Kill]),
    case(Mode::Pipeline, "/sleep?close", Pipelined, &[Peer]),
    case(Mode::Get, "/slow", Response, &[Itself, Kill]),
    case(Mode::Get, "/slow?close", Response, &[Peer]),
    case(Mode::Get, "/slow?reset", Response, &[Peer]),
    case(Mode::Get, "/slow-chunked", Response, &[Itself, Kill]),
    case(Mode::Get, "/slow-chunked?close", Response, &[Peer]),
    case(Mode::Exit, "/fast", Idle, &[Itself]),
    case(Mode::PoolTimer, "/fast", Idle, &[Itself]),
    case(Mode::Pool, "/fast", Idle, &[Kill]),
    case(Mode::Pool, "/chunked", Idle, &[Kill]),
    case(Mode::Pool, "/empty", Idle, &[Kill]),
    case(Mode::Pool, "/unchanged", Idle, &[Kill]),
    case(Mode::Head, "/fast", Idle, &[Kill]),
    case(Mode::Pool, "/fast?close", Idle, &[Peer]),
    case(Mode::Pool, "/fast?reset", Idle, &[Peer]),
    case(Mode::Head, "/fast?close", Idle, &[Peer]),
    case(Mode::Tunnel, "hold.lab:443", Tunnel, &[Itself, Kill]),
    case(Mode::Tunnel, "close.lab:443", Tunnel, &[Peer]),
    case(Mode::Tunnel, "reset.lab:443", Tunnel, &[Peer]),
];

/// HTTP/2 in clear text: gRPC's calls, or what looks like them.
pub(crate) const HTTP2: &[Case] = &[
    case(Mode::Upload, "/lab/upload", Body, &[Kill]),
    case(Mode::Upload, "/lab/upload?close", Body, &[Peer]),
    case(Mode::Get, "/lab/sleep", Waiting, &[Itself, Kill]),
    case(Mode::Get, "/lab/sleep?close", Waiting, &[Peer]),
    case(Mode::Get, "/lab/sleep?reset", Waiting, &[Peer]),
    case(Mode::Pipeline, "/lab/sleep", Pipelined, &[Itself, Kill]),
    case(Mode::Pipeline, "/lab/sleep?close", Pipelined, &[Peer]),
    case(Mode::Get, "/lab/slow", Response, &[Itself, Kill]),
    case(Mode::Get, "/lab/slow?close", Response, &[Peer]),
    case(Mode::Exit, "/lab/fast", Idle, &[Itself]),
    case(Mode::PoolTimer, "/lab/fast", Idle, &[Itself]),
    case(Mode::Pool, "/lab/fast", Idle, &[Kill]),
    case(Mode::Pool, "/lab/fast?close", Idle, &[Peer]),
];
