//! What the wire shows of a stage: a capture that nothing of the agent's is used for.

use std::{collections::BTreeMap, net::SocketAddr};

use anyhow::{Result, ensure};

use super::{
    check::Checks,
    stage::{Place, Scene},
};
use harness::Closes;

use crate::{
    compare::{self, Score},
    truth::{Connection, Truth},
    wiretap::{
        capture::{self, Capture},
        decide::{Script, decide},
        flow::Flow,
    },
};

/// Ends that were reported wrong, each in full.
const MOST_PRINTED: usize = 3;

/// The captured connections of a stage, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Captured {
    pub(super) closes: Vec<Shown>,
    /// Why nothing is decided of the others, and how many they are.
    pub(super) undecided: BTreeMap<&'static str, u64>,
    /// The network namespaces of the client and of the server.
    namespaces: [u64; 2],
}

#[derive(Debug)]
pub(super) struct Shown {
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

impl Captured {
    /// Ends the capture and reads it.
    pub(super) fn of(capture: Capture, scene: &Scene) -> Result<Self> {
        let captured = capture.finish()?;
        ensure!(
            captured.dropped == 0,
            "{} packets were not captured: play again on a quieter machine",
            captured.dropped
        );
        let mut stage = Self { namespaces: scene.namespaces()?, ..Self::default() };
        for flow in captured.flows(scene.kit)? {
            match decide(&flow, Script::default()) {
                Ok(truth) => stage.closes.push(Shown { flow, truth }),
                Err(why) => *stage.undecided.entry(why).or_default() += 1,
            }
        }
        Ok(stage)
    }

    /// How many connections to a port ended so: a verdict, or the kind of a race.
    pub(super) fn count(&self, port: u16, word: &str) -> u64 {
        self.at(port).filter(|one| one.truth.word() == word).count() as u64
    }

    pub(super) fn at(&self, port: u16) -> impl Iterator<Item = &Shown> {
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

    /// That the agent reported every end of every close as the wire shows it.
    pub(super) fn compare(&self, closes: &Closes, checks: &mut Checks) {
        let connection = |one: &Shown| Connection {
            label: String::new(),
            group: [""; 2],
            client: one.flow.client,
            server: one.flow.server,
            namespaces: self.namespaces,
            truth: one.truth,
        };
        let connections: Vec<_> = self.closes.iter().map(connection).collect();
        let comparisons = compare::compare(&connections, closes);
        let score = Score::of(&comparisons);
        let what = "every end of every captured close is reported as the wire shows it";
        let right = score.compared > 0 && score.right == score.compared;
        let mut found = vec![format!("{} of {}", score.right, score.compared)];
        let faults = comparisons.iter().filter(|one| !one.is_right());
        found.extend(faults.take(MOST_PRINTED).map(ToString::to_string));
        checks.that(what, right, found.join("; "));
    }
}

/// One connection for the picture: of those that ended in such a way, and served the most requests, the one in the middle.
pub(super) fn drawn<'a>(captured: &'a Captured, port: u16, word: &str) -> Option<&'a Shown> {
    let of_word = || captured.at(port).filter(|one| one.truth.word() == word);
    let most = of_word().map(|one| one.truth.requests).max()?;
    let fitting: Vec<_> = of_word().filter(|one| one.truth.requests == most).collect();
    fitting.get(fitting.len() / 2).copied()
}
