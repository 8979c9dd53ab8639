//! False alarms: what happens to healthy connections every day, played with real software, and whether the agent calls
//! any of it a failure, a race or a hang-up: in what it reports of each close, in its report, in its metrics.
//!
//! A play knows what it does, and looks that it was done; from that follows what may be reported. Where tshark is there,
//! a capture has to bear it out. The agent's words decide nothing.

mod compare;
mod metrics;
mod script;
mod stage;
mod trap;

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{Result, ensure};
use serde::Serialize;

pub use self::compare::Finding;
use self::{
    compare::Reported,
    stage::{Play, Played},
    trap::{Claim, Trap},
};
use harness::{Daemon, Watch};

use crate::{
    catalogue::Need,
    kit::Kit,
    report::Model,
    suite::{self, Context, Results, Suite, absence, is_chosen, json_lines, wait_until},
    truth::Truth,
    wiretap::{
        agreement::Agreement,
        capture::{self, Capture, Place},
        decide::{Script, decide},
        flow::Flow,
    },
};

/// Plays at once: most of them wait.
const AT_ONCE: usize = 8;

/// The slowest close to be reported is one whose peer leaves it lying: 5 s.
const SETTLED_AFTER: Duration = Duration::from_secs(6);
const REPORTED_WITHIN: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Only traps whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Only traps that need nothing but this software; none: whatever they need
    #[arg(skip)]
    pub with: Vec<String>,
}

#[derive(Debug)]
pub struct Outcome {
    rows: Vec<Row>,
}

/// What came of one trap.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    trap: &'static Trap,
    /// What must be reported.
    right: String,
    #[serde(flatten)]
    result: RowResult,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
enum RowResult {
    Compared(Finding),
    /// It did not go as scripted, and proves nothing.
    Invalid {
        why: String,
    },
    /// Not played here.
    Absent {
        why: String,
    },
    /// Other tests play it.
    Elsewhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    pub traps: usize,
    pub played: usize,
    pub ends: usize,
    pub unknown: usize,
    /// Traps with a false alarm.
    pub alarms: usize,
    /// Ends of closes that were reported wrong and called exact.
    pub exact: usize,
    /// Connections of which a capture showed what was claimed, and those of which it proved nothing.
    pub captured: usize,
    pub undecided: usize,
    pub invalid: usize,
    pub absent: usize,
}

/// A trap on its way.
#[derive(Debug)]
struct Set<'a> {
    trap: &'static Trap,
    state: State<'a>,
}

#[derive(Debug)]
enum State<'a> {
    Ready,
    Begun(Box<Play<'a>>),
    Played(Box<Played<'a>>),
    Over(RowResult),
}

impl State<'_> {
    fn invalid(error: &anyhow::Error) -> Self {
        Self::Over(RowResult::Invalid { why: format!("{error:#}") })
    }
}

impl Options {
    fn traps(&self) -> impl Iterator<Item = &'static Trap> {
        let chosen = trap::all().filter(|trap| is_chosen(&self.only, &trap.name));
        chosen.filter(|trap| self.with.is_empty() || trap.needs_only(&self.with))
    }
}

impl Suite for Options {
    fn needs(&self) -> Vec<Need> {
        self.traps().flat_map(Trap::needs).collect()
    }

    fn run(&self, context: &Context) -> Result<Box<dyn Results>> {
        Ok(Box::new(run(self, context)?))
    }
}

/// Plays everything while a watch and a daemon look on, then compares what they reported.
///
/// # Errors
/// When the agent cannot be run, or in CI software is missing.
pub fn run(options: &Options, context: &Context) -> Result<Outcome> {
    let kit = context.kit()?;
    let mut sets = options.traps().map(|trap| prepare(&kit, trap)).collect::<Result<Vec<_>>>()?;
    ensure!(!sets.is_empty(), "no trap is called {:?}", options.only);
    let capture = match absence(&kit, "the capture", &capture::NEEDS)? {
        None => Some(Capture::start(&kit, Place::LOOPBACK, &Kit::filter())?),
        Some(_absent) => None,
    };
    suite::at_once(AT_ONCE, &mut sets, |set| {
        // What has to be older than the agents.
        if !set.trap.begins.is_empty() {
            set.begin(&kit, &context.agent);
        }
    });
    let watch = Watch::start(&context.agent)?;
    let daemon = Daemon::start(&context.agent)?;
    let still = sets.iter_mut().take_while(|_| !context.is_stopped());
    suite::at_once(AT_ONCE, still, |set| {
        set.begin(&kit, &context.agent);
        set.finish();
    });
    context.ensure_not_stopped()?;
    thread::sleep(SETTLED_AFTER);
    let claims: Vec<Claim> = sets.iter().flat_map(Set::claims).cloned().collect();
    wait_until(REPORTED_WITHIN, || watch.look(|closes| compare::is_complete(&claims, closes)));
    let ports: BTreeSet<_> = claims.iter().map(|claim| claim.server.port()).collect();
    let model = Model::parse(&daemon.report("--json", &ports.into_iter().collect::<Vec<_>>())?)?;
    let samples = daemon.samples()?;
    let (closes, _notes) = watch.finish()?;
    drop(daemon);
    let flows = capture.map(|capture| capture.finish()?.flows(&kit)).transpose()?.unwrap_or_default();
    let reported = Reported { closes: &closes, model: &model, samples: &samples };
    Ok(Outcome { rows: sets.into_iter().map(|set| row(set, &reported, &flows)).collect() })
}

fn prepare<'a>(kit: &Kit, trap: &'static Trap) -> Result<Set<'a>> {
    let state = match absence(kit, &trap.name, &trap.needs())? {
        _ if !trap.is_played() => State::Over(RowResult::Elsewhere),
        None => State::Ready,
        Some(why) => State::Over(RowResult::Absent { why }),
    };
    Ok(Set { trap, state })
}

impl<'a> Set<'a> {
    fn claims(&self) -> &[Claim] {
        match &self.state {
            State::Played(played) => &played.claims,
            _ => &[],
        }
    }

    fn begin(&mut self, kit: &'a Kit, agent: &'a Path) {
        if let State::Ready = self.state {
            let begun = Play::begin(kit, agent, self.trap);
            self.state =
                begun.map_or_else(|error| State::invalid(&error), |play| State::Begun(Box::new(play)));
        }
    }

    fn finish(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Ready) {
            State::Begun(play) => match play.finish(self.trap) {
                Ok(played) => State::Played(Box::new(played)),
                Err(error) => State::invalid(&error),
            },
            before => before,
        };
    }
}

fn row(set: Set, reported: &Reported<'_>, flows: &[Flow]) -> Row {
    let words: BTreeSet<_> = set.claims().iter().map(ToString::to_string).collect();
    let right = words.into_iter().collect::<Vec<_>>().join("; ");
    let result = match set.state {
        State::Over(result) => result,
        State::Ready | State::Begun(_) => RowResult::Invalid { why: "it was not played".to_owned() },
        State::Played(played) => {
            let Played { claims, closes, kept } = *played;
            drop(kept);
            let agreement = capture_agrees(&claims, flows);
            if let Some(first) = agreement.contradicts.first() {
                let count = agreement.contradicts.len();
                RowResult::Invalid { why: format!("{count} connections were not as scripted: {first}") }
            } else {
                let mut finding = compare::compare(set.trap, &claims, reported);
                if let Some(own) = closes.map(|closes| compare::compare_closes(&claims, &closes)) {
                    finding.add_own(own);
                }
                finding.captured = agreement.agrees;
                finding.undecided = agreement.undecided.count();
                RowResult::Compared(finding)
            }
        }
    };
    Row { trap: set.trap, right, result }
}

/// Sets every captured connection that the claims are about against them.
fn capture_agrees(claims: &[Claim], flows: &[Flow]) -> Agreement {
    let mut agreement = Agreement::default();
    let mut before = HashMap::new();
    for flow in flows {
        let number: &mut usize = before.entry((flow.client, flow.server)).or_default();
        let about: Vec<_> = about(claims, flow, *number).collect();
        *number += 1;
        if !about.is_empty() {
            let what = format!("{} to {}", flow.client, flow.server);
            let is_claimed = |truth: &Truth| about.iter().any(|claim| claim.may.be(truth));
            // A script that resets does so on purpose.
            agreement.add(
                decide(flow, Script { server_resets: true, ..Script::default() }),
                what,
                is_claimed,
            );
        }
    }
    agreement
}

/// The claims that are about this connection, the `number`th of its addresses.
fn about<'a>(claims: &'a [Claim], flow: &'a Flow, number: usize) -> impl Iterator<Item = &'a Claim> {
    let at_server = || claims.iter().filter(|claim| claim.server == flow.server && *claim.closes.end() > 0);
    let is_named = at_server().any(|claim| claim.client == Some(flow.client));
    at_server()
        .filter(move |claim| claim.client == if is_named { Some(flow.client) } else { None })
        .filter(move |claim| claim.nth.is_none_or(|nth| nth == number))
}

impl Outcome {
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { traps: self.rows.len(), ..Totals::default() };
        for row in &self.rows {
            match &row.result {
                RowResult::Compared(finding) => {
                    totals.played += 1;
                    totals.ends += finding.ends;
                    totals.unknown += finding.unknown;
                    totals.exact += finding.exact;
                    totals.captured += finding.captured;
                    totals.undecided += finding.undecided;
                    totals.alarms += usize::from(!finding.wrong.is_empty());
                }
                RowResult::Invalid { .. } => totals.invalid += 1,
                RowResult::Absent { .. } => totals.absent += 1,
                RowResult::Elsewhere => {}
            }
        }
        totals
    }
}

impl Results for Outcome {
    fn json(&self) -> Result<String> {
        json_lines(&self.rows)
    }

    fn is_right(&self) -> bool {
        let Totals { ends, alarms, invalid, .. } = self.totals();
        ends > 0 && alarms + invalid == 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| trap | source | played | must not be reported | must be reported | reported | |")?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        for Row { trap, right, result } in &self.rows {
            let (reported, word) = match result {
                RowResult::Compared(finding) => {
                    let all = finding.reported.iter().map(|(words, count)| format!("{count} {words}"));
                    let word = if finding.wrong.is_empty() { "ok" } else { "FALSE ALARM" };
                    (all.collect::<Vec<_>>().join(", "), word)
                }
                RowResult::Invalid { .. } => (String::new(), "not as scripted"),
                RowResult::Absent { why } => (why.clone(), "not played"),
                RowResult::Elsewhere => {
                    let tests = trap.tests.iter().map(|test| format!("test {test}"));
                    let scenarios = trap.scenarios.iter().map(|scenario| format!("selftest {scenario}"));
                    (tests.chain(scenarios).collect::<Vec<_>>().join(", "), "elsewhere")
                }
            };
            let Trap { name, source, played, naive, .. } = trap;
            writeln!(f, "| {name} | {source} | {played} | {naive} | {right} | {reported} | {word} |")?;
        }
        let totals = self.totals();
        let Totals { traps, played, ends, unknown, alarms, exact, captured, undecided, invalid, absent } =
            totals;
        writeln!(
            f,
            "\n{traps} traps, {played} played: {ends} ends of closes compared, {unknown} unknown; {alarms} traps with a \
             false alarm ({exact} ends wrong and called exact), {invalid} not as scripted, {absent} not played; \
             a capture bore out {captured} connections and left {undecided} undecided"
        )?;
        for Row { trap, result, .. } in &self.rows {
            match result {
                RowResult::Compared(finding) => {
                    finding.wrong.iter().try_for_each(|wrong| writeln!(f, "{}: {wrong}", trap.name))?;
                }
                RowResult::Invalid { why } => writeln!(f, "{}: not as scripted: {why}", trap.name)?,
                RowResult::Absent { .. } | RowResult::Elsewhere => {}
            }
        }
        Ok(())
    }
}
