//! The traps: plays/traps.toml has what each is, the modules here have how it is played.

/// Functions by their names, as plays/traps.toml has them.
macro_rules! plays {
    ($($name:ident),* $(,)?) => {
        &[$((stringify!($name), $crate::false_alarms::trap::Play::Now($name))),*]
    };
}

mod browser;
mod chatter;
mod ends;
mod in_flight;
mod limits;
mod needs;
pub(crate) use self::needs::find as software;
mod pools;
mod probes;
mod processes;
mod sockets;

use std::sync::LazyLock;

use serde::Deserialize;

use super::trap::{Play, Trap};
use crate::{kit::Need, plays};

type Plays = &'static [(&'static str, Play)];

#[derive(Debug, Deserialize)]
struct File {
    trap: Vec<Trap>,
}

static FILE: LazyLock<File> = LazyLock::new(|| plays::read(include_str!("../../plays/traps.toml")));

const PLAYS: [Plays; 9] = [
    browser::PLAYS,
    sockets::PLAYS,
    processes::PLAYS,
    pools::PLAYS,
    limits::PLAYS,
    chatter::PLAYS,
    ends::PLAYS,
    in_flight::PLAYS,
    probes::PLAYS,
];

/// All of them, those that take longest first.
pub(super) fn all() -> impl Iterator<Item = &'static Trap> {
    FILE.trap.iter()
}

impl Trap {
    /// `None`: other tests play it.
    pub(super) fn play(&self) -> Option<&'static Play> {
        let wanted = self.play.as_ref()?;
        PLAYS.iter().copied().flatten().find(|(name, _)| name == wanted).map(|(_, play)| play)
    }

    pub(super) fn needs(&self) -> Vec<Need> {
        self.needs.iter().flat_map(|name| needs::find(name)).copied().collect()
    }
}

#[cfg(test)]
mod tests;
