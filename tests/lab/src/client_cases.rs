//! What clients are told to do, and who ends it: plays/client_cases.toml.

use std::sync::LazyLock;

use serde::Deserialize;
use strum::IntoStaticStr;

use crate::{
    plays,
    truth::{Phase, Side, Truth},
};

/// What a client does, by the words that the programs of the lab understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
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
    pub(crate) fn word(self) -> &'static str {
        self.into()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ender {
    /// The client, by a timeout of its own or in its own time.
    Itself,
    /// The client, by SIGKILL.
    Kill,
    /// The scripted server.
    Peer,
}

impl Ender {
    fn side(self) -> Side {
        match self {
            Self::Itself | Self::Kill => Side::Client,
            Self::Peer => Side::Server,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) mode: Mode,
    /// Tells the scripted server the rest.
    pub(crate) target: String,
    pub(crate) phase: Phase,
    pub(crate) enders: Vec<Ender>,
}

impl Case {
    pub(crate) fn name(&self, ender: Ender) -> String {
        let ender = match ender {
            Ender::Itself => "client-timer",
            Ender::Kill => "client-killed",
            Ender::Peer => "server",
        };
        format!("{} {} {ender}", self.mode.word(), self.target)
    }

    /// Whether a connection ended as this case is to end.
    pub(crate) fn is_so(&self, ender: Ender, truth: &Truth) -> bool {
        truth.closer == ender.side().into()
            && truth.phase == self.phase
            && (truth.in_flight > 1) == (self.mode == Mode::Pipeline)
    }
}

/// By the protocol that a client speaks.
#[derive(Debug, Deserialize)]
pub(crate) struct Cases {
    pub(crate) http1: Vec<Case>,
    pub(crate) http2: Vec<Case>,
}

pub(crate) static CASES: LazyLock<Cases> =
    LazyLock::new(|| plays::read(include_str!("../plays/client_cases.toml")));
