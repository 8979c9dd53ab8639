//! The catalogue of scenarios.

mod announced;
mod http2;
mod idle;
mod messages;
mod network;
mod noise;
mod patterns;
mod premature;
mod process;
mod race;
mod reset;
mod shutdown;
mod tunnel;

use std::sync::{LazyLock, PoisonError, RwLock};

use crate::error::PlayError;
use crate::stage::Stage;
use crate::truth::{Family, Needs, Truth};

/// What a script returns.
pub(crate) type Played = Result<Vec<Truth>, PlayError>;

/// Held for writing by who forks: between fork and exec a child holds every socket of this process, and a close
/// elsewhere would end nothing.
static FORKS: RwLock<()> = RwLock::new(());

const BOTH: &[Family] = &[Family::V4, Family::V6];

/// A script with a known end.
#[derive(Debug)]
pub struct Scenario {
    /// The name it is asked for by.
    pub name: &'static str,
    /// What happens, in one sentence.
    pub about: &'static str,
    /// What has to be there for it to run.
    pub needs: Needs,
    /// The IP versions it can run over.
    pub families: &'static [Family],
    ground: Ground,
    act: fn(&mut Stage) -> Played,
}

/// Where a script is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ground {
    Loopback,
    /// On loopback, and it forks.
    Processes,
    Relay,
}

impl Scenario {
    const fn loopback(name: &'static str, about: &'static str, act: fn(&mut Stage) -> Played) -> Self {
        Self { name, about, needs: Needs::Nothing, families: BOTH, ground: Ground::Loopback, act }
    }

    const fn processes(name: &'static str, about: &'static str, act: fn(&mut Stage) -> Played) -> Self {
        Self { name, about, needs: Needs::Nothing, families: BOTH, ground: Ground::Processes, act }
    }

    const fn relay(name: &'static str, about: &'static str, act: fn(&mut Stage) -> Played) -> Self {
        let families = &[Family::V4];
        Self { name, about, needs: Needs::NetAdmin, families, ground: Ground::Relay, act }
    }

    const fn net_admin(mut self) -> Self {
        self.needs = Needs::NetAdmin;
        self
    }

    /// Plays the script to its end and returns what is true of it, one row per end and close. Every socket is closed
    /// when it returns.
    ///
    /// # Errors
    ///
    /// When the family is not one of [`Scenario::families`], when the machine lacks something, or when the kernel did
    /// not do what the script says: nothing is then known to be true.
    pub fn play(&self, family: Family, seed: u64) -> Result<Vec<Truth>, PlayError> {
        if !self.families.contains(&family) {
            return Err(PlayError::Family { scenario: self.name, family });
        }
        let _alone =
            (self.ground == Ground::Processes).then(|| FORKS.write().unwrap_or_else(PoisonError::into_inner));
        let _shared =
            (self.ground != Ground::Processes).then(|| FORKS.read().unwrap_or_else(PoisonError::into_inner));

        let mut stage = match self.ground {
            Ground::Loopback | Ground::Processes => Stage::on_loopback(self.name, family, seed),
            Ground::Relay => Stage::with_relay(self.name, family, seed),
        }?;
        let truths = (self.act)(&mut stage)?;
        stage.settle();
        Ok(truths)
    }
}

/// All scenarios, in the order in which `all` plays them.
pub fn scenarios() -> &'static [Scenario] {
    static ALL: LazyLock<Vec<Scenario>> = LazyLock::new(|| {
        let mut all = Vec::new();
        all.extend(idle::SCENARIOS);
        all.extend(patterns::SCENARIOS);
        all.extend(announced::SCENARIOS);
        all.extend(premature::SCENARIOS);
        all.extend(messages::SCENARIOS);
        all.extend(http2::SCENARIOS);
        all.extend(race::SCENARIOS);
        all.extend(reset::SCENARIOS);
        all.extend(shutdown::SCENARIOS);
        all.extend(process::SCENARIOS);
        all.extend(noise::SCENARIOS);
        all.extend(tunnel::SCENARIOS);
        all.extend(network::SCENARIOS);
        all
    });
    &ALL
}

/// The scenario of this name.
pub fn scenario(name: &str) -> Option<&'static Scenario> {
    scenarios().iter().find(|scenario| scenario.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        let names: HashSet<_> = scenarios().iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), scenarios().len());
        for name in names {
            assert_eq!(scenario(name).unwrap().name, name);
        }
        assert!(scenario("no-such").is_none());
    }
}
