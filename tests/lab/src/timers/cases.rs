//! What is played, and what the report must say of it: plays/timers.toml says what each field means.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use serde::Deserialize;

use super::pool::Pool;
use crate::{launch::Launch, plays, truth::Side};

/// How long a case without a timer is looked at.
pub(super) const LOOK: Duration = Duration::from_secs(8);

/// A timer that closes later than this has failed.
const GRACE: Duration = Duration::from_secs(4);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) software: Vec<String>,
    pub(super) server: Option<Launch>,
    pub(super) client: Option<Launch>,
    #[serde(default)]
    pool: String,
    #[serde(default = "one")]
    pub(super) hosts: u8,
    #[serde(default)]
    pub(super) at_once: u32,
    pub(super) hint: Option<u32>,
    timer: Option<Timer>,
    pub(super) risk: Vec<String>,
}

fn one() -> u8 {
    1
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Timer {
    pub(super) side: Side,
    pub(super) seconds: f64,
    #[serde(default)]
    pub(super) polled: f64,
    #[serde(default)]
    node_adds: bool,
    #[serde(default)]
    since: u32,
    pub(super) products: Vec<String>,
    pub(super) settings: Vec<String>,
}

/// What is true of a version of the software.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) timer: Option<Timer>,
    pub(super) risk: &'static [String],
}

impl Wanted {
    /// Over within half a minute on a loaded machine.
    pub(super) fn is_quick(&self) -> bool {
        self.timer.as_ref().is_none_or(|timer| timer.seconds + timer.polled < 10.0)
    }

    pub(super) fn lasts(&self) -> Duration {
        self.timer
            .as_ref()
            .map_or(LOOK, |timer| Duration::from_secs_f64(1.05 * (timer.seconds + timer.polled)) + GRACE)
    }
}

/// From 20.18 and from 22.9 on.
fn node_adds(version: &[u32]) -> bool {
    matches!(version, [major, minor, ..] if *major >= 23 || (*major, *minor) >= (22, 9) || (*major == 20 && *minor >= 18))
}

impl Case {
    pub(super) fn wanted(&'static self, version: &str) -> Wanted {
        let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
        let is_there = |timer: &&Timer| numbers.first().is_none_or(|major| *major >= timer.since);
        let timer = self.timer.as_ref().filter(is_there).map(|timer| {
            let adds = if timer.node_adds && node_adds(&numbers) { 1.0 } else { 0.0 };
            Timer { seconds: timer.seconds + adds, ..timer.clone() }
        });
        Wanted { timer, risk: &self.risk }
    }

    /// Whose end is a script's.
    pub(super) fn scripted(&self) -> Option<Side> {
        match (&self.server, &self.client) {
            (Some(_), None) => Some(Side::Client),
            (None, _) => Some(Side::Server),
            (Some(_), Some(_)) => None,
        }
    }

    /// The scripted client.
    ///
    /// # Panics
    /// When there is none of this name.
    pub(super) fn pool(&self) -> Pool {
        *FILE.pools.get(&self.pool).expect("one of the pools in plays/timers.toml")
    }
}

#[derive(Debug, Deserialize)]
struct File {
    pools: BTreeMap<String, Pool>,
    case: Vec<Case>,
}

static FILE: LazyLock<File> = LazyLock::new(|| plays::read(include_str!("../../plays/timers.toml")));

pub(super) fn all() -> &'static [Case] {
    &FILE.case
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_its_own_timer() {
        let of = |name: &str, version: &str| {
            let case = all().iter().find(|case| case.name == name).unwrap();
            case.wanted(version).timer.map(|timer| timer.seconds)
        };
        assert_eq!(
            ["20.17.0", "20.18.0", "22.8.0", "24.1.0"].map(|node| of("Node", node)),
            [5.0, 6.0, 5.0, 6.0].map(Some)
        );
        assert_eq!(["18.0.0", "20.0.0"].map(|node| of("Node http.get", node)), [None, Some(5.0)]);
    }

    #[test]
    fn every_case_has_an_end_that_is_real() {
        for case in all() {
            assert!(case.server.is_some() || case.client.is_some(), "{}", case.name);
            assert_eq!(
                case.scripted() == Some(Side::Client),
                FILE.pools.contains_key(&case.pool),
                "{}",
                case.name
            );
        }
    }
}
