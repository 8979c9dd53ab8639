//! What is played against a server, and who is to end it: plays/scenarios.toml.

use std::sync::LazyLock;

use serde::Deserialize;
use strum::IntoStaticStr;

use crate::{
    plays,
    truth::{Phase, Side},
};

/// The scenario in which a server's idle timeout is waited for.
pub(super) const SERVER_IDLE: &str = "the server's idle timeout";

/// The instance of a server that it is played against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(super) enum Variant {
    /// All its timeouts are longer than any play.
    #[default]
    Patient,
    /// All its timeouts are two seconds, or as near as they can be set.
    Hasty,
    /// Patient, until it is ended by SIGKILL.
    Killed,
    /// Patient, until it is told to end by SIGTERM; what is left after some seconds is killed.
    Terminated,
}

impl Variant {
    pub(super) const ALL: [Self; 4] = [Self::Patient, Self::Hasty, Self::Killed, Self::Terminated];

    pub(super) fn word(self) -> &'static str {
        self.into()
    }

    /// It is ended while conversations with it are open.
    pub(super) fn is_ended(self) -> bool {
        matches!(self, Self::Killed | Self::Terminated)
    }
}

/// What a client program is told; programs/matrix/PLAN.md. Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    Get(String),
    Stall,
    Sleep(u64),
    /// For as long as the server keeps an idle connection, and so much longer.
    Tempt(i64),
    Close,
    Hold(u64),
    /// Keeps the pool for longer than the server keeps an idle connection.
    Outlast,
}

/// What only some clients can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ability {
    Closing,
    IdleLimit,
}

#[derive(Debug, Deserialize)]
pub(super) struct Scenario {
    pub(super) name: String,
    #[serde(default)]
    pub(super) server: Variant,
    /// By each client against each server.
    #[serde(default = "twice")]
    pub(super) times: usize,
    pub(super) steps: Vec<Step>,
    /// Half of them ask once before, on the same connection.
    #[serde(default)]
    pub(super) may_reuse: bool,
    pub(super) idle_limit_ms: Option<u64>,
    pub(super) request_limit_ms: Option<u64>,
    pub(super) needs: Option<Ability>,
    /// Only against servers that have a timeout of their own there.
    pub(super) timer: Option<Phase>,
    #[serde(flatten)]
    end: End,
}

fn twice() -> usize {
    2
}

/// What a script plays that writes its own bytes: where no client library can be brought to.
#[derive(Debug, Deserialize)]
pub(super) struct Raw {
    pub(super) name: String,
    #[serde(default)]
    pub(super) server: Variant,
    /// It ends it itself, so or with an RST.
    pub(super) ends: Option<RawEnd>,
    pub(super) timer: Option<Phase>,
    #[serde(flatten)]
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawEnd {
    Close,
    Reset,
}

#[derive(Debug, Default, Deserialize)]
struct End {
    #[serde(default)]
    by: Vec<Side>,
    #[serde(default)]
    phases: Vec<Phase>,
}

impl End {
    /// `None` where chance decides.
    fn expected(&'static self) -> Option<Expected> {
        let Self { by, phases } = self;
        (!by.is_empty()).then_some(Expected { by, phases })
    }
}

/// Who is to end a connection, and where it stands then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) by: &'static [Side],
    pub(super) phases: &'static [Phase],
}

/// Who played a connection, and what for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) server: &'static str,
    pub(super) client: &'static str,
    pub(super) scenario: &'static str,
    /// `None` where chance decides.
    pub(super) expected: Option<Expected>,
}

impl Scenario {
    /// Who is to end it; `announced` where the server says how long it keeps an idle connection.
    pub(super) fn expected(&'static self, announced: bool) -> Option<Expected> {
        let expected = self.end.expected()?;
        let is_idle = announced && expected.phases == [Phase::Idle];
        Some(if is_idle { Expected { by: &Side::BOTH, ..expected } } else { expected })
    }
}

impl Raw {
    pub(super) fn expected(&'static self) -> Option<Expected> {
        self.end.expected()
    }

    /// Whether it writes a part of a head.
    pub(super) fn is_in_head(&self) -> bool {
        self.end.phases == [Phase::RequestHead]
    }
}

#[derive(Debug, Deserialize)]
struct File {
    sweep: Vec<i64>,
    plain: Vec<Scenario>,
    raw: Vec<Raw>,
}

static FILE: LazyLock<File> = LazyLock::new(|| {
    let mut file: File = plays::read(include_str!("../../plays/scenarios.toml"));
    let get = || Step::Get("/".to_owned());
    file.plain.extend(file.sweep.iter().map(|&after| Scenario {
        name: format!("asks {after} ms after the timeout"),
        server: Variant::Hasty,
        times: 1,
        steps: vec![get(), Step::Tempt(after), get(), Step::Outlast],
        may_reuse: false,
        idle_limit_ms: None,
        request_limit_ms: None,
        needs: None,
        timer: Some(Phase::Idle),
        end: End::default(),
    }));
    file
});

/// All that client programs play.
pub(super) fn all() -> &'static [Scenario] {
    &FILE.plain
}

/// All that scripts play.
pub(super) fn raw() -> &'static [Raw] {
    &FILE.raw
}

/// # Panics
/// When there is none of this name.
pub(super) fn find(name: &str) -> &'static Scenario {
    all().iter().find(|scenario| scenario.name == name).expect("a scenario of this name")
}
