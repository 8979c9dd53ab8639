//! An endpoint's state as plain values.

use std::cmp::Ordering;

use super::{
    after_response::Limit,
    cause::is_tighter,
    key::EndpointKey,
    model::{Endpoint, Gaps, Risk, Timer},
    process_exits::Exits,
    risk,
    series::Series,
    state::State,
    timer_readings::Kind,
    timers::TimerShape,
};
use crate::labels::{Cause, Clock, Phase, Race, Side, Verdict};

pub(super) fn endpoint(key: EndpointKey, state: &State, tick: f64) -> Endpoint {
    let (headroom, risk) = risk::judge(state, tick);
    Endpoint {
        timers: timers(state, tick),
        gaps: state.gaps.as_ref().map_or_else(Gaps::default, |gaps| gaps.shown()),
        headroom,
        risk,
        ..counts(key, state)
    }
}

/// What was counted, with nothing inferred.
pub(super) fn counts(key: EndpointKey, state: &State) -> Endpoint {
    Endpoint {
        key,
        workload: None,
        peers: Vec::new(),
        recent_pids: Vec::new(),
        recent_ports: Vec::new(),
        program: state.program.clone(),
        server: state.server.as_deref().map(str::to_owned),
        announced: state.announced,
        protocol: state.protocol,
        closes: state.closes,
        verdicts: most_first(Verdict::ALL, state.verdicts),
        causes: most_first(Cause::ALL, state.causes.map(u64::from)),
        races: most_first(Race::ALL, state.races),
        retried: state.retried,
        started: state.started,
        reused: state.reused,
        lost: state.lost,
        losses: state.losses.shown(),
        lay_unread: state.lay_unread.into(),
        after_each: state.after_each.into(),
        idle_resets: state.server_closes.resets().into(),
        closed_at_once: state.server_closes.at_once().0.into(),
        lost_at_once: state.server_closes.at_once().1.into(),
        made_room: state.server_closes.made_room().into(),
        at_risk: state.at_risk,
        timers: Vec::new(),
        gaps: Gaps::default(),
        exits: state.exits.shown(),
        too_many_pings: state.too_many_pings.into(),
        path: state.silences.shown(u64::from(state.causes[Cause::FlowForgotten as usize])),
        keepalive: state.keepalive.as_deref().cloned(),
        tunnel_silence: (state.tunnel_silence > 0.0).then_some(f64::from(state.tunnel_silence)),
        headroom: None,
        risk: Risk::Unknown,
    }
}

/// The worst risk first, then those of which something stopped, then those with the most closes.
pub(super) fn order(one: &Endpoint, other: &Endpoint) -> Ordering {
    let stopped = |endpoint: &Endpoint| endpoint.exits != Exits::default();
    let name = |endpoint: &Endpoint| (endpoint.key.role, endpoint.key.server_port);
    one.risk
        .cmp(&other.risk)
        .then_with(|| stopped(other).cmp(&stopped(one)))
        .then_with(|| other.closes.cmp(&one.closes))
        .then_with(|| name(one).cmp(&name(other)))
        .then_with(|| one.key.process.cmp(&other.key.process))
}

fn most_first<Word: Copy>(words: &[Word], counts: impl IntoIterator<Item = u64>) -> Vec<(Word, u64)> {
    let mut counted: Vec<_> = words.iter().copied().zip(counts).filter(|&(_, count)| count > 0).collect();
    counted.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    counted
}

/// The timer with the most closes first.
fn timers(state: &State, tick: f64) -> Vec<Timer> {
    let shown =
        state.series.iter().flat_map(|(kind, series)| series.shown().into_iter().map(|shown| (*kind, shown)));
    let all: Vec<(Kind, TimerShape)> = shown.collect();
    let visible = all.iter().filter(|one| !is_outdone(one, &all, tick) && !is_making_room(state, one));
    let mut timers: Vec<Timer> = visible.map(|(kind, shown)| timer(*kind, shown)).collect();
    timers.extend(age_limit(state));
    timers.sort_by(|one, other| {
        other.count.cmp(&one.count).then_with(|| one.seconds.total_cmp(&other.seconds))
    });
    timers
}

/// What looks like the server's timer are closes that make room for connections that come.
fn is_making_room(state: &State, (kind, shown): &(Kind, TimerShape)) -> bool {
    (kind.side, kind.phase) == (Side::Server, Phase::Idle) && state.server_closes.is_making_room(shown.least)
}

/// Q and R show the same timer twice; the looser of the two goes. While they are equal both stay.
fn is_outdone((kind, shown): &(Kind, TimerShape), all: &[(Kind, TimerShape)], tick: f64) -> bool {
    if !matches!(kind.clock, Clock::Request | Clock::Silent) {
        return false;
    }
    all.iter().any(|(other, by)| {
        (other.side, other.phase) == (kind.side, kind.phase)
            && other.clock != kind.clock
            && is_tighter(by.deviation, shown.deviation, tick)
    })
}

fn timer(Kind { side, phase, clock }: Kind, shown: &TimerShape) -> Timer {
    Timer {
        side,
        phase,
        clock,
        seconds: f64::from(shown.seconds),
        least: f64::from(shown.least),
        most: f64::from(shown.most),
        count: u64::from(shown.count),
        share: f64::from(shown.share),
        bins: shown.bins.clone(),
    }
}

/// A limit on the age of connections that the server keeps to after a response.
fn age_limit(state: &State) -> Option<Timer> {
    let Limit::Age { least, most, closes } = state.after.age()? else { return None };
    let kind = Kind { side: Side::Server, phase: Phase::Idle, clock: Clock::Idle };
    let others = state.find(kind).map_or(0, Series::total);
    Some(Timer {
        side: Side::Server,
        phase: Phase::Idle,
        clock: Clock::Age,
        seconds: f64::from(least),
        least: f64::from(least),
        most: f64::from(most),
        count: u64::from(closes),
        share: f64::from(closes) / (f64::from(closes) + f64::from(others)),
        bins: vec![closes],
    })
}
