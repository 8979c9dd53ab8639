//! Plays scenarios on a thread of its own.

use std::sync::mpsc::Sender;

use testserver::{Family, Scenario, Truth, scenarios};

use super::compare::Checked;

/// What the player tells.
pub(super) enum News {
    Truth(Box<Truth>),
    /// A scenario could not be played: nothing is known of the agent.
    Failed(&'static str, String),
}

/// One play.
pub(super) type Play = (&'static Scenario, Family, u64);

/// Every play, `repeat` times, shuffled by `seed`.
pub(super) fn order(filter: Option<&str>, repeat: u32, seed: u64) -> Vec<Play> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut plays = Vec::new();
    for round in 0..repeat {
        let mut of_round: Vec<Play> = scenarios()
            .iter()
            .filter(|scenario| filter.is_none_or(|part| scenario.name.contains(part)))
            .flat_map(|scenario| {
                let seed = seed.wrapping_add(u64::from(round));
                scenario.families.iter().map(move |&family| (scenario, family, seed))
            })
            .collect();
        random.shuffle(&mut of_round);
        plays.extend(of_round);
    }
    plays
}

/// How often a close that was never reported is played again.
const AGAIN: u32 = 3;

/// The plays of closes that were never reported, again; the seeds are new.
pub(super) fn again(missing: &[Checked]) -> Vec<Play> {
    let is_missing = |&(scenario, family, _): &Play| {
        missing
            .iter()
            .any(|checked| checked.scenario == scenario.name && checked.family == family.to_string())
    };
    order(None, AGAIN, u64::MAX / 2).into_iter().filter(is_missing).collect()
}

pub(super) fn all(plays: Vec<Play>, news: &Sender<News>) {
    for (scenario, family, seed) in plays {
        let heard = match scenario.play(family, seed) {
            Ok(truths) => truths.into_iter().all(|truth| news.send(News::Truth(Box::new(truth))).is_ok()),
            Err(error) => news.send(News::Failed(scenario.name, error.to_string())).is_ok(),
        };
        if !heard {
            return;
        }
    }
}
