//! Compares what the agent said with what is true, field by field.

use std::{collections::HashMap, fmt};

use serde::Serialize;
use testserver::{Measured, Truth};

use whohungup_bpf::Tier;
use whohungup_core::{
    close::ClosedConnection,
    identity::Ends,
    labels::{Confidence, Verdict},
};

/// How far a clock may be off, seconds.
const CLOCK_TOLERANCE: f64 = 0.020;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every field that the truth fixes is right.
    Right,
    /// The agent said that it does not know.
    Unknown,
    /// The verdict is wrong and the agent was not sure of it.
    Guess,
    /// Something is wrong and was said with confidence.
    Wrong,
    /// The close was never reported.
    Missing,
    /// Never reported, but always when it was played again: the kernel left a program's run out, and no counter of
    /// the kernel's tells.
    Unseen,
    /// It was reported more than once.
    Twice,
}

/// One close, compared.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    pub scenario: &'static str,
    pub end: String,
    pub family: String,
    pub seed: u64,
    pub outcome: Outcome,
    /// What differs, as `field: got, want`.
    pub differences: Vec<String>,
}

struct Expected {
    truth: Truth,
    reports: Vec<ClosedConnection>,
}

/// Joins truths and reports by namespace and addresses.
pub(super) struct Matcher {
    tier: Tier,
    expected: Vec<Expected>,
    reports: HashMap<(u32, Ends), Vec<ClosedConnection>>,
    /// Expectations wait until this many later ones have come, so that amendments are in.
    window: usize,
}

impl Matcher {
    pub(super) fn new(tier: Tier) -> Self {
        Self { tier, expected: Vec::new(), reports: HashMap::new(), window: 40 }
    }

    pub(super) fn expect(&mut self, truth: Truth) {
        self.expected.push(Expected { truth, reports: Vec::new() });
    }

    pub(super) fn report(&mut self, closed: ClosedConnection) {
        self.reports.entry((closed.netns, closed.ends)).or_default().push(closed);
    }

    /// Every expectation has its report.
    pub(super) fn is_complete(&mut self) -> bool {
        self.join();
        self.expected.iter().all(|expected| !expected.reports.is_empty())
    }

    /// The expectations that are old enough to be judged, or all of them.
    pub(super) fn settled(&mut self, all: bool) -> Vec<Checked> {
        self.join();
        let ready = if all { self.expected.len() } else { self.expected.len().saturating_sub(self.window) };
        self.expected.drain(..ready).map(|expected| check(&expected, self.tier)).collect()
    }

    fn join(&mut self) {
        for expected in &mut self.expected {
            let Some(measured) = &expected.truth.measured else { continue };
            if let Some(reports) = self.reports.remove(&key(measured)) {
                expected.reports.extend(reports);
            }
        }
    }
}

fn key(measured: &Measured) -> (u32, Ends) {
    let ends = Ends {
        local: std::net::SocketAddr::new(measured.local.ip().to_canonical(), measured.local.port()),
        remote: std::net::SocketAddr::new(measured.remote.ip().to_canonical(), measured.remote.port()),
    };
    (measured.netns as u32, ends)
}

fn check(expected: &Expected, tier: Tier) -> Checked {
    let Expected { truth, reports } = expected;
    let mut checked = Checked {
        scenario: truth.scenario,
        end: truth.end.to_string(),
        family: truth.family.to_string(),
        seed: truth.seed,
        outcome: Outcome::Missing,
        differences: Vec::new(),
    };
    let Some(closed) = reports.last() else { return checked };
    if reports.iter().filter(|closed| !closed.amends).count() != 1 {
        checked.outcome = Outcome::Twice;
        checked.differences = reports.iter().map(|closed| format!("{closed:?}")).collect();
        return checked;
    }
    checked.differences = match tier {
        Tier::Http => differences(truth, closed),
        Tier::Lifecycle => basic_differences(truth, closed),
    };
    let close = closed;
    checked.outcome = if checked.differences.is_empty() {
        Outcome::Right
    } else if close.verdict == Verdict::Unknown {
        Outcome::Unknown
    } else if close.confidence == Confidence::Probable && tier == Tier::Lifecycle {
        Outcome::Guess
    } else {
        Outcome::Wrong
    };
    if !checked.differences.is_empty() {
        checked.differences.push(format!("evidence: {}", close.evidence.join("; ")));
    }
    checked
}

/// What who-spoke-last can tell.
fn basic_differences(truth: &Truth, closed: &ClosedConnection) -> Vec<String> {
    let (close, expect) = (&closed, &truth.expect);
    let mut found = Differences::default();
    found.compare("role", close.role.as_str(), &truth.end.to_string());
    found.compare("closer", close.closer.as_str(), expect.closer);
    found.compare("how", close.close_type.as_str(), expect.how);
    found.compare("verdict", close.verdict.as_str(), expect.verdict);
    found.0
}

fn differences(truth: &Truth, closed: &ClosedConnection) -> Vec<String> {
    let (close, expect) = (&closed, &truth.expect);
    let mut found = Differences(basic_differences(truth, closed));
    found.compare("phase", close.phase.as_str(), expect.phase);
    found.compare("race", close.race.map_or("none", |race| race.as_str()), expect.race.unwrap_or("none"));
    found.compare("code", &close.code.to_string(), expect.code);
    if !expect.causes.contains(&close.cause.as_str()) {
        found.compare("cause", close.cause.as_str(), &expect.causes.join("|"));
    }
    found.count("in_flight", close.in_flight, expect.in_flight);
    found.count("requests", close.requests, expect.requests);
    if let Some(measured) = &truth.measured {
        found.clock("idle_seconds", close.idle, measured.idle_seconds);
        found.clock("silent_seconds", close.silent, measured.silent_seconds);
        found.clock("request_seconds", close.request, measured.request_seconds);
        found.clock("age_seconds", close.age, measured.age_seconds);
    }
    found.0
}

#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare(&mut self, field: &str, got: &str, want: &str) {
        if got != want {
            self.0.push(format!("{field}: {got}, want {want}"));
        }
    }

    fn count(&mut self, field: &str, got: Option<u32>, want: Option<u32>) {
        if want.is_some() && got != want {
            self.0.push(format!("{field}: {}, want {}", show(got), show(want)));
        }
    }

    fn clock(&mut self, field: &str, got: Option<f64>, want: Option<f64>) {
        let Some(truth) = want else { return };
        if got.is_none_or(|got| (got - truth).abs() > CLOCK_TOLERANCE) {
            self.0.push(format!("{field}: {}, want {}", show(got), show(want)));
        }
    }
}

fn show<T: fmt::Display>(value: Option<T>) -> String {
    value.map_or("null".to_owned(), |value| value.to_string())
}
