//! What was reported of a trap's connections, at every level, against what may be reported.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use harness::{Close, Closes, Samples};

use super::{
    metrics,
    trap::{Claim, Ends, Trap},
};

use crate::{report::Model, truth::Side};

/// Risks that alarm nobody.
const CALM: [&str; 2] = ["safe", "unknown"];

/// Verdicts of connections on which everything was answered.
const PEACEFUL: [&str; 4] = ["client-idle", "server-idle", "completed", "tunnel-end"];

/// What came of a trap.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Finding {
    /// Ends of closes that were compared.
    pub ends: usize,
    /// Of them, those of which the agent said that it does not know.
    pub unknown: usize,
    /// How often what was reported.
    pub reported: BTreeMap<String, usize>,
    /// What must not have been reported, each with the evidence.
    pub wrong: Vec<String>,
    /// Of them, ends of closes that the agent called exact.
    pub exact: usize,
    /// Connections of which a capture shows what the play claims.
    pub captured: usize,
    /// Connections of which it proves nothing.
    pub undecided: usize,
}

impl Finding {
    /// Adds what agents of the play's own reported.
    pub(super) fn add_own(&mut self, own: Self) {
        self.ends += own.ends;
        self.unknown += own.unknown;
        self.exact += own.exact;
        for (words, count) in own.reported {
            *self.reported.entry(words).or_default() += count;
        }
        self.wrong.extend(own.wrong.into_iter().map(|wrong| format!("by an agent of its own: {wrong}")));
    }
}

/// Everything that was reported.
#[derive(Debug)]
pub(super) struct Reported<'a> {
    pub(super) closes: &'a Closes,
    pub(super) model: &'a Model,
    pub(super) samples: &'a Samples,
}

/// Whether as many closes were reported as there must be at least.
pub(super) fn is_complete(claims: &[Claim], closes: &Closes) -> bool {
    claims.iter().all(|claim| {
        ends(claim).all(|end| reports(claims, claim, end, closes).count() >= *wanted(claim, end).start())
    })
}

pub(super) fn compare(trap: &Trap, claims: &[Claim], reported: &Reported<'_>) -> Finding {
    let mut finding = compare_closes(claims, reported.closes);
    let ports: BTreeSet<_> = claims.iter().map(|claim| claim.server.port()).collect();
    for port in ports {
        let here: Vec<_> = claims.iter().filter(|claim| claim.server.port() == port).collect();
        finding.wrong.extend(in_report(trap, &here, port, reported.model));
        finding.wrong.extend(in_metrics(&here, port, reported.samples));
    }
    finding
}

/// Without what many closes show together.
pub(super) fn compare_closes(claims: &[Claim], closes: &Closes) -> Finding {
    let mut finding = Finding::default();
    for claim in claims {
        for end in ends(claim) {
            let mut count = 0;
            for report in reports(claims, claim, end, closes) {
                count += 1;
                finding.ends += 1;
                *finding.reported.entry(words(report)).or_default() += 1;
                finding.unknown += usize::from(report.verdict == "unknown");
                let false_words = false_words(claim, end, report);
                if !false_words.is_empty() {
                    finding.exact += usize::from(report.confidence == "exact");
                    finding.wrong.push(format!(
                        "the {}'s end {} -> {}: {} ({}; {})",
                        end.word(),
                        report.local,
                        report.remote,
                        false_words.join(", "),
                        report.confidence,
                        report.evidence.join("; ")
                    ));
                }
            }
            let wanted = wanted(claim, end);
            if !wanted.contains(&count) {
                let found =
                    format!("{count} closes of {} reported at the {}'s end", claim.server, end.word());
                finding.wrong.push(format!("{found}, not {wanted:?}"));
            }
        }
    }
    finding
}

/// The ends that it is about.
fn ends(claim: &Claim) -> impl Iterator<Item = Side> {
    let only = claim.ends;
    let ends = [Side::Client, Side::Server].into_iter();
    ends.filter(move |end| !matches!(only, Ends::Only(one) if one != *end))
}

/// How many closes must have been reported at this end.
fn wanted(claim: &Claim, end: Side) -> RangeInclusive<usize> {
    match (claim.ends, end) {
        (Ends::Client, Side::Server) => 0..=*claim.closes.end(),
        (Ends::Both | Ends::Client | Ends::Only(_), _) => claim.closes.clone(),
    }
}

/// What was reported of the connections that this claim is about, at this end.
fn reports<'a>(
    claims: &'a [Claim],
    claim: &'a Claim,
    end: Side,
    closes: &'a Closes,
) -> impl Iterator<Item = &'a Close> {
    let about = closes.all().filter(move |report| {
        let (client, server) = match end {
            Side::Client => (report.local, report.remote),
            Side::Server => (report.remote, report.local),
        };
        let named = |other: &Claim| other.server == server && other.client == Some(client);
        server == claim.server
            && claim.client.map_or_else(|| !claims.iter().any(named), |wanted| wanted == client)
    });
    about
        .enumerate()
        .filter(|(number, _)| claim.nth.is_none_or(|nth| nth == *number))
        .map(|(_, report)| report)
}

fn has(all: &[String], word: &str) -> bool {
    all.iter().any(|one| one == word)
}

fn words(report: &Close) -> String {
    let mut words = format!("{} {}", report.verdict, report.code);
    if let Some(race) = &report.race {
        words = format!("{words} {race}");
    }
    if report.cause != "unknown" {
        words = format!("{words} {}", report.cause);
    }
    words
}

/// What the report says that may not be said; that it does not know is no word.
fn false_words(claim: &Claim, end: Side, report: &Close) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |what: &str, said: &str, may: bool| {
        if !may && said != "unknown" {
            wrong.push(format!("{what} {said}"));
        }
    };
    let may = &claim.may;
    let one_of = |allowed: &[String], said: &str| allowed.is_empty() || has(allowed, said);
    let is_it = |allowed: &Option<String>, said: &str| allowed.as_ref().is_none_or(|one| one == said);
    expect("verdict", &report.verdict, has(&may.verdicts, &report.verdict));
    expect("role", &report.role, report.role == end.word());
    expect("closer", &report.closer, is_it(&may.closer, &report.closer));
    expect("phase", &report.phase, one_of(&may.phases, &report.phase));
    expect("cause", &report.cause, one_of(&may.causes, &report.cause));
    expect("cause", &report.cause, !has(&may.never_causes, &report.cause));
    expect("close_type", &report.close_type, is_it(&may.close_type, &report.close_type));
    let race = report.race.as_deref().unwrap_or_default();
    expect("race", race, race.is_empty() || has(&may.verdicts, "idle-race"));
    if let Some(words) = &may.never_evidence {
        expect("evidence", words, !report.evidence.iter().any(|line| line.contains(words)));
    }
    let comm = report.process.as_ref().map_or("", |process| process.comm.as_str());
    let known = &may.processes[usize::from(end == Side::Server)];
    expect("process", comm, comm.is_empty() || one_of(known, comm));
    for (what, wanted, said) in
        [("idle_seconds", may.idle, report.idle_seconds), ("age_seconds", may.age, report.age_seconds)]
    {
        let is_so =
            wanted.is_none_or(|(least, most)| said.is_some_and(|said| (least..=most).contains(&said)));
        expect(what, &said.map_or("null".to_owned(), |said| format!("{said:.3}")), is_so);
    }
    let is_so = may.requests.is_none_or(|wanted| report.requests.is_none_or(|said| said == wanted));
    expect("requests", &format!("{:?}", report.requests), is_so);
    wrong
}

fn in_report(trap: &Trap, claims: &[&Claim], port: u16, model: &Model) -> Vec<String> {
    let may_lose = may(claims, "idle-race");
    let mut wrong = Vec::new();
    for endpoint in model.endpoints.iter().filter(|endpoint| endpoint.server_port == Some(port)) {
        let mut say = |text: String| {
            wrong
                .push(format!("the report on {} {} of port {port}: {text}", endpoint.process, endpoint.role));
        };
        if endpoint.lost > 0 && !may_lose {
            say(format!("lost {}", endpoint.lost));
        }
        if !endpoint.races.is_empty() && !may_lose {
            say(format!("races {:?}", endpoint.races));
        }
        let risk = endpoint.risk.as_str();
        if !CALM.contains(&risk) {
            say(format!("risk {risk}"));
        }
        if endpoint.at_risk > 0 {
            say(format!("requests at risk {}", endpoint.at_risk));
        }
        if !trap.advised {
            endpoint
                .advice
                .iter()
                .for_each(|advice| say(format!("advice {:?}, as {:?}", advice.text, advice.why)));
        }
        for timer in &endpoint.timers {
            let first = endpoint.candidates(timer).first();
            if let Some(first) = first
                .filter(|first| trap.never_named.as_ref().is_some_and(|never| first.product.contains(never)))
            {
                say(format!("{:.3} s are {}'s", timer.seconds, first.product));
            }
        }
    }
    wrong
}

fn in_metrics(claims: &[&Claim], port: u16, samples: &Samples) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut look = |name: &str, label: &str, may: &dyn Fn(&str) -> bool| {
        for sample in metrics::at(samples, name, port) {
            let value = sample.label(label);
            if sample.value > 0.0 && !may(value) {
                let process = sample.label("process");
                wrong
                    .push(format!("{name} of {process} at port {port}, {label} {value:?}: {}", sample.value));
            }
        }
    };
    let is_claimed = |verdict: &str| verdict == "unknown" || may(claims, verdict);
    look("whohungup_closes_total", "verdict", &is_claimed);
    // What ended in peace has left no request open, whatever else may be said of it.
    look("whohungup_requests_unanswered_total", "verdict", &|verdict| {
        is_claimed(verdict) && !PEACEFUL.contains(&verdict)
    });
    let may_lose = may(claims, "idle-race");
    look("whohungup_idle_races_total", "kind", &|_| may_lose);
    look("whohungup_requests_at_risk_total", "role", &|_| false);
    look("whohungup_endpoint_risk", "level", &|risk| CALM.contains(&risk));
    for sample in metrics::at(samples, "whohungup_idle_headroom_seconds", port) {
        if sample.value < 0.0 {
            wrong.push(format!("whohungup_idle_headroom_seconds at port {port}: {}", sample.value));
        }
    }
    wrong
}

fn may(claims: &[&Claim], verdict: &str) -> bool {
    claims.iter().any(|claim| has(&claim.may.verdicts, verdict))
}

#[cfg(test)]
mod tests;
