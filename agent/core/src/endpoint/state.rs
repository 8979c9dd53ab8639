//! What is kept of one endpoint.

use super::{
    after_response::AfterResponse,
    cause::{self, Proof},
    gaps::GapSketch,
    idle_closer_share::IdleCloserShare,
    keepalive::KeepaliveAudit,
    limits::{bounded, bounded_text, most_bytes, program_bytes},
    losses::LossCounts,
    path::Silences,
    process_exits::ExitCounts,
    risk::{self, Guard},
    series::Series,
    server_closes::ServerCloses,
    timer_readings::{self, Kind, Reading},
    timers::TimerMatch,
};
use crate::{
    close::{ClosedConnection, RequestDelta},
    http::Goaway,
    labels::{Cause, Clock, Closer, Phase, Protocol, Race, Side, Verdict},
    program::Program,
};

/// Timers that are looked for at one endpoint, at most. Those of idle connections are never given up for others.
pub(super) const SERIES: usize = 5;
/// What one endpoint holds at most.
pub(super) const MOST_BYTES: usize = most_bytes(SERIES);

/// Seconds for which a request lies unread only where the event loop is blocked.
const LAY_LONG: f64 = 0.1;

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) program: Option<Program>,
    pub(super) asked: u8,
    pub(super) server: Option<Box<str>>,
    pub(super) announced: Option<u32>,
    /// Of the newest close that tells it.
    pub(super) protocol: Option<Protocol>,
    pub(super) closes: u64,
    pub(super) verdicts: [u64; Verdict::ALL.len()],
    pub(super) causes: [u32; Cause::ALL.len()],
    pub(super) races: [u64; Race::ALL.len()],
    pub(super) retried: u64,
    pub(super) started: u64,
    pub(super) reused: u64,
    /// To idle closes.
    pub(super) lost: u64,
    pub(super) losses: LossCounts,
    pub(super) lay_unread: u32,
    pub(super) after_each: u32,
    pub(super) server_closes: ServerCloses,
    pub(super) at_risk: u64,
    pub(super) series: Vec<(Kind, Series)>,
    pub(super) after: AfterResponse,
    pub(super) idle_closers: IdleCloserShare,
    pub(super) gaps: Option<Box<GapSketch>>,
    pub(super) exits: ExitCounts,
    pub(super) silences: Silences,
    /// The longest that a WebSocket outlived, seconds.
    pub(super) tunnel_silence: f32,
    /// Of the newest walk over the sockets.
    pub(super) keepalive: Option<Box<KeepaliveAudit>>,
    /// Connections that a server ended because of the client's pings.
    pub(super) too_many_pings: u16,
    /// The server's idle timer while it is known, to count reuses that come close to it.
    guard: Option<Guard>,
    /// The reuses from before it was known have been counted.
    has_looked_back: bool,
    /// CLOCK_MONOTONIC ns of the newest close or count.
    pub(super) seen_ns: u64,
    /// The same of the newest race.
    pub(super) raced_ns: u64,
}

/// A clock of a close with the timer that it shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct MatchedReading {
    pub(super) reading: Reading,
    pub(super) timer: Option<TimerMatch>,
}

/// The clocks of one close.
pub(super) type MatchedReadings = [Option<MatchedReading>; 4];

impl State {
    pub(super) fn new() -> Self {
        Self {
            program: None,
            asked: 0,
            server: None,
            announced: None,
            protocol: None,
            closes: 0,
            verdicts: [0; Verdict::ALL.len()],
            causes: [0; Cause::ALL.len()],
            races: [0; Race::ALL.len()],
            retried: 0,
            started: 0,
            reused: 0,
            lost: 0,
            losses: LossCounts::default(),
            lay_unread: 0,
            after_each: 0,
            server_closes: ServerCloses::default(),
            at_risk: 0,
            series: Vec::new(),
            after: AfterResponse::default(),
            idle_closers: IdleCloserShare::default(),
            gaps: None,
            exits: ExitCounts::default(),
            silences: Silences::default(),
            tunnel_silence: 0.0,
            keepalive: None,
            too_many_pings: 0,
            guard: None,
            has_looked_back: false,
            seen_ns: 0,
            raced_ns: 0,
        }
    }

    /// Counts a close; its cause is counted when it is known for good. `lost` requests were not reported by the other
    /// end.
    pub(super) fn count(&mut self, closed: &ClosedConnection, lost: u32) {
        let close = closed;
        self.losses.add(closed, lost);
        self.seen_ns = self.seen_ns.max(close.at_ns);
        if let Some(requests) = &closed.uncounted {
            self.count_requests(requests);
        }
        if closed.retried == Some(true) {
            add(&mut self.retried);
        }
        if close.race == Some(Race::Unread) && close.request.is_some_and(|lay| lay > LAY_LONG) {
            self.lay_unread = self.lay_unread.saturating_add(1);
        }
        if !closed.amends && is_after_each(close) {
            self.after_each = self.after_each.saturating_add(1);
        }
        self.server_closes.add(close);
        if let Some(race) = close.race {
            add(&mut self.races[race as usize]);
            self.raced_ns = self.raced_ns.max(close.at_ns);
            let unanswered = closed.uncounted.map_or(0, |requests| requests.unanswered);
            self.lost = self.lost.saturating_add(u64::from(unanswered.max(1)));
        }
        add(&mut self.verdicts[close.verdict as usize]);
        if closed.amends {
            let before = &mut self.verdicts[Verdict::ServerIdle as usize];
            *before = before.saturating_sub(1);
            return;
        }
        add(&mut self.closes);
        self.exits.add(closed);
        self.silences.close(closed);
        let outlived = closed.websocket.as_ref().and_then(|websocket| websocket.longest_silence);
        self.tunnel_silence = self.tunnel_silence.max(outlived.unwrap_or_default() as f32);
        if close.goaway.as_ref().is_some_and(Goaway::is_of_pings) {
            self.too_many_pings = self.too_many_pings.saturating_add(1);
        }
        if let Some(server) = close.server.as_deref().map(bounded_text)
            && self.server.as_deref() != Some(server)
        {
            self.server = Some(server.into());
        }
        self.protocol = close.protocol.or(self.protocol);
        self.announced = close.keep_alive.and_then(|said| said.timeout).or(self.announced);
    }

    pub(super) fn count_requests(&mut self, requests: &RequestDelta) {
        self.started = self.started.saturating_add(u64::from(requests.begun));
        self.reused = self.reused.saturating_add(u64::from(requests.reused));
    }

    /// Takes in the clocks of a close. What it proves together with those before it.
    pub(super) fn infer(&mut self, closed: &ClosedConnection, tick: f64) -> Option<Proof> {
        if let Some(requests) = &closed.uncounted {
            self.gaps(requests, tick, closed.at_ns);
        }
        if let Some(gap) = timer_readings::gap_of_lost(closed, closed.uncounted.is_some()) {
            self.gap(gap, tick, closed.at_ns);
        }
        let readings = self.see(closed, closed.amends, tick);
        let limit = if closed.amends { None } else { cause::from_limits(&mut self.after, closed) };
        match closed.cause {
            Cause::Unknown => limit.or_else(|| cause::from_timers(&self.without_evictions(readings), tick)),
            // A database that resets what it ends: why, it does not say.
            Cause::LingerZero
                if closed.closer == Closer::Server && closed.protocol.is_some_and(Protocol::has_edges) =>
            {
                cause::from_timers(&self.without_evictions(readings), tick)
            }
            Cause::H2Goaway => cause::from_timers(&readings, tick),
            Cause::Announced => limit,
            _ => None,
        }
    }

    /// Where the server makes room for connections that come, its closes show no timer.
    fn without_evictions(&self, mut readings: MatchedReadings) -> MatchedReadings {
        let is_eviction = |seen: &MatchedReading| {
            (seen.reading.kind.side, seen.reading.kind.phase) == (Side::Server, Phase::Idle)
                && seen.timer.is_some_and(|timer| self.server_closes.is_making_room(timer.least))
        };
        for seen in &mut readings {
            *seen = seen.filter(|seen| !is_eviction(seen));
        }
        readings
    }

    pub(super) fn count_cause(&mut self, cause: Cause) {
        let count = &mut self.causes[cause as usize];
        *count = count.saturating_add(1);
    }

    /// Gaps of requests that were counted.
    pub(super) fn gaps(&mut self, requests: &RequestDelta, tick: f64, now_ns: u64) {
        self.seen_ns = self.seen_ns.max(now_ns);
        if requests.short_gaps > 0 {
            self.sketch(tick).add_short(requests.short_gaps);
        }
        if let Some(gap) = requests.answered_gap {
            self.silences.works(gap);
        }
        if let Some(gap) = requests.long_gap {
            self.gap(gap, tick, now_ns);
        }
    }

    pub(super) fn gap(&mut self, seconds: f64, tick: f64, now_ns: u64) {
        if seconds.is_nan() || seconds < 0.0 {
            return;
        }
        let seconds = seconds.min(timer_readings::LONGEST);
        self.sketch(tick).add(seconds, now_ns);
        if self.guard.is_some_and(|guard| guard.is_close(seconds)) {
            add(&mut self.at_risk);
        }
    }

    fn sketch(&mut self, tick: f64) -> &mut GapSketch {
        self.gaps.get_or_insert_with(|| Box::new(GapSketch::new(tick)))
    }

    /// Takes in the clocks of a close. One that amends was taken in before.
    fn see(&mut self, close: &ClosedConnection, amends: bool, tick: f64) -> MatchedReadings {
        let readings = timer_readings::readings(close);
        let seen = readings.map(|reading| {
            let reading = reading?;
            let seconds = reading.seconds as f32;
            let timer = if amends {
                self.find(reading.kind).and_then(|series| series.find(seconds))
            } else {
                self.series(reading.kind).and_then(|series| series.add(seconds, close.at_ns))
            };
            Some(MatchedReading { reading, timer })
        });
        if amends {
            return seen;
        }
        let idle = |side| Kind { side, phase: Phase::Idle, clock: Clock::Idle };
        let by = |side| seen.iter().flatten().any(|seen| seen.reading.kind == idle(side));
        match (by(Side::Server), by(Side::Client)) {
            (true, false) => self.idle_closers.add(Side::Server),
            (false, true) => self.idle_closers.add(Side::Client),
            _ => return seen,
        }
        let guard = risk::guard(self, tick);
        if let Some(now) = guard.filter(|_| !self.has_looked_back) {
            // What had been counted before there was something to compare with.
            self.has_looked_back = true;
            let before = self.gaps.as_ref().map_or(0, |gaps| gaps.from(now.from()));
            self.at_risk = self.at_risk.saturating_add(before);
        }
        self.guard = guard;
        seen
    }

    pub(super) fn find(&self, kind: Kind) -> Option<&Series> {
        self.series.iter().find(|(known, _)| *known == kind).map(|(_, series)| series)
    }

    /// The series of `kind`; one that shows nothing yet makes room for it. `None` when there is none to give up.
    fn series(&mut self, kind: Kind) -> Option<&mut Series> {
        let known = self.series.iter().position(|(known, _)| *known == kind);
        let at = match known {
            Some(at) => at,
            None if self.series.len() < SERIES => {
                self.series.reserve_exact(1);
                self.series.push((kind, Series::new()));
                self.series.len() - 1
            }
            None => {
                let given_up =
                    |(kind, series): &(Kind, Series)| kind.phase != Phase::Idle && series.is_scattered();
                let all = self.series.iter().enumerate();
                let (at, _) =
                    all.filter(|(_, one)| given_up(one)).min_by_key(|(_, (_, series))| series.total())?;
                self.series[at] = (kind, Series::new());
                at
            }
        };
        self.series.get_mut(at).map(|(_, series)| series)
    }

    /// Adds what was counted of another endpoint.
    pub(super) fn absorb(&mut self, other: &Self) {
        let join = |into: &mut u64, count: u64| *into = into.saturating_add(count);
        self.verdicts.iter_mut().zip(other.verdicts).for_each(|(into, count)| join(into, count));
        self.races.iter_mut().zip(other.races).for_each(|(into, count)| join(into, count));
        for (into, count) in self.causes.iter_mut().zip(other.causes) {
            *into = into.saturating_add(count);
        }
        self.too_many_pings = self.too_many_pings.saturating_add(other.too_many_pings);
        join(&mut self.closes, other.closes);
        join(&mut self.retried, other.retried);
        join(&mut self.started, other.started);
        join(&mut self.reused, other.reused);
        join(&mut self.lost, other.lost);
        self.losses.absorb(&other.losses);
        join(&mut self.at_risk, other.at_risk);
    }

    pub(super) fn know(&mut self, program: Program) {
        self.program = Some(bounded(program));
    }

    /// All that it holds, bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.series.capacity() * size_of::<(Kind, Series)>()
            + self.gaps.as_ref().map_or(0, |_| size_of::<GapSketch>())
            + self.server.as_ref().map_or(0, |server| server.len())
            + self.keepalive.as_ref().map_or(0, |_| size_of::<KeepaliveAudit>())
            + self.program.as_ref().map_or(0, program_bytes)
    }
}

/// The server closed a connection right after its first response, and had not said that it would.
fn is_after_each(close: &ClosedConnection) -> bool {
    let is_own = matches!(close.verdict, Verdict::ServerIdle | Verdict::IdleRace | Verdict::Completed);
    is_own
        && close.closer == Closer::Server
        && close.cause == Cause::Unknown
        && close.requests == Some(1)
        && close.idle.is_some_and(|idle| idle < timer_readings::SHORTEST)
}

fn add(count: &mut u64) {
    *count = count.saturating_add(1);
}
