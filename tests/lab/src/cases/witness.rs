//! What the wire shows of a stage: a capture that nothing of the agent's is used for.

use std::{collections::BTreeMap, net::SocketAddr};

use anyhow::{Result, ensure};

use super::{
    check::Checks,
    stage::{Place, Scene},
};
use crate::{
    agent::Said,
    wiretap::{
        capture::{self, Capture},
        compare::{self, Close, Comparison},
        flow::Flow,
        truth::{Decided, Told, Truth, decide},
    },
};

/// Ends that were told wrong, each in full.
const MOST_TOLD: usize = 3;

/// The captured connections of a stage, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Witness {
    pub(super) closes: Vec<Witnessed>,
    /// Why nothing is decided of the others, and how many they are.
    pub(super) undecided: BTreeMap<&'static str, u64>,
    /// The network namespaces of the client and of the server.
    namespaces: [u64; 2],
}

#[derive(Debug)]
pub(super) struct Witnessed {
    pub(super) flow: Flow,
    pub(super) truth: Truth,
}

/// Begins to capture at the stage's ports, where the servers are: how long a request had been there when the server
/// closed is a question of their clock.
pub(super) fn capture(scene: &Scene) -> Result<Capture> {
    let ports = scene.ports();
    let filter = format!("tcp portrange {}-{}", ports[0], ports[ports.len() - 1]);
    let place = capture::Place { namespace: None, interface: scene.interface() };
    scene.go(Place::Far, || Capture::start(scene.kit, place, &filter))
}

impl Witness {
    /// Ends the capture and reads it.
    pub(super) fn of(capture: Capture, scene: &Scene) -> Result<Self> {
        let captured = capture.finish()?;
        ensure!(
            captured.dropped == 0,
            "{} packets were not captured: play again on a quieter machine",
            captured.dropped
        );
        let mut witness = Self { namespaces: scene.namespaces()?, ..Self::default() };
        for flow in captured.flows(scene.kit)? {
            match decide(&flow, Told::default()) {
                Decided::Known(truth) => witness.closes.push(Witnessed { flow, truth }),
                Decided::Undecided(why) => *witness.undecided.entry(why).or_default() += 1,
            }
        }
        Ok(witness)
    }

    /// How many connections to a port ended so: a verdict, or the kind of a race.
    pub(super) fn count(&self, port: u16, word: &str) -> u64 {
        self.at(port).filter(|one| one.truth.word() == word).count() as u64
    }

    pub(super) fn at(&self, port: u16) -> impl Iterator<Item = &Witnessed> {
        self.closes.iter().filter(move |one| one.flow.server.port() == port)
    }

    /// Where to each port connections went, and how they ended, by how often.
    pub(super) fn words(&self) -> Vec<(SocketAddr, Vec<(&'static str, u64)>)> {
        let mut words = BTreeMap::<_, BTreeMap<_, u64>>::new();
        for one in &self.closes {
            *words.entry(one.flow.server).or_default().entry(one.truth.word()).or_default() += 1;
        }
        let by_count = |counts: BTreeMap<_, _>| {
            let mut counts: Vec<_> = counts.into_iter().collect();
            counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            counts
        };
        words.into_iter().map(|(server, counts)| (server, by_count(counts))).collect()
    }

    /// That the agent told every end of every close as the wire shows it.
    pub(super) fn compare(&self, said: &Said, checks: &mut Checks) {
        let close = |one: &Witnessed| Close {
            label: String::new(),
            client: one.flow.client,
            server: one.flow.server,
            truth: one.truth,
        };
        let closes: Vec<_> = self.closes.iter().map(close).collect();
        let judged = compare::judge(&closes, said, self.namespaces);
        let totals = Comparison { judged: &judged }.totals();
        let what = "every end of every captured close is told as the wire shows it";
        let right = totals.compared > 0 && totals.right == totals.compared;
        let mut found = vec![format!("{} of {}", totals.right, totals.compared)];
        found.extend(judged.iter().filter(|one| !one.is_right()).take(MOST_TOLD).map(|one| {
            let (server, end, truth) = (one.close.server, one.end.word(), one.close.truth);
            format!("{server} {end}: {truth}, {:?}", one.outcome)
        }));
        checks.that(what, right, found.join("; "));
    }
}

/// One connection for the picture: of those that ended in such a way, and served the most requests, the one in the middle.
pub(super) fn telling<'a>(witness: &'a Witness, port: u16, word: &str) -> Option<&'a Witnessed> {
    let of_word = || witness.at(port).filter(|one| one.truth.word() == word);
    let most = of_word().map(|one| one.truth.requests).max()?;
    let fitting: Vec<_> = of_word().filter(|one| one.truth.requests == most).collect();
    fitting.get(fitting.len() / 2).copied()
}
