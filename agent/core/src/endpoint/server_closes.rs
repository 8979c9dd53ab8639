//! How a server ends idle connections where no timer does: many in one moment, one for each that comes, or by a reset.

use super::cluster::tolerance;
use crate::{
    close::ClosedConnection,
    labels::{Cause, CloseType, Closer, Race, Verdict},
};

/// Idle closes, and openings, that are remembered.
const KEPT: usize = 24;
/// Nanoseconds to 65 us.
const UNIT_BITS: u32 = 16;
/// An idle connection that is closed to make room ends within so long (units, 5 ms) after the one that came.
const SOON: u32 = 76;
/// Closes within so long (units, 0.1 s) of the first are of one moment.
const MOMENT: u32 = 1526;
/// Of one moment idle times that differ by more than this (seconds, more than one of the kernel's ticks) differ.
const APART: f32 = 0.006;
/// Moments in which many connections end after different idle times are rare: of the time, they take less than a
/// tenth. Where they are not, there are many closes, and not many of one moment.
const RARE: u32 = 10;
/// Closes that show a habit.
const ENOUGH: u32 = 3;
/// Of the closes that make room, the most that may fall beside an opening by chance, a fourth.
const CHANCE: f32 = 0.25;

/// Closes of one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Moment {
    began: u32,
    second: u32,
    closes: u32,
    lost: u32,
    least_idle: f32,
    most_idle: f32,
}

impl Moment {
    /// A timer ends those that were idle for as long as each other, one that is polled those that differ by a half.
    fn is_of_no_timer(self) -> bool {
        self.closes >= ENOUGH
            && self.most_idle > 2.0 * self.least_idle
            && self.most_idle - self.least_idle > APART
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct IdleClose {
    at: u32,
    idle: f32,
    /// Another connection had just come.
    made_room: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerCloses {
    /// Idle connections that it ended with a reset.
    resets: u32,
    moment: Moment,
    /// When the first close came, seconds.
    since: u32,
    /// Of moments before.
    moments: u32,
    together: u32,
    lost_together: u32,
    closes: [IdleClose; KEPT],
    closed: u32,
    openings: [u32; KEPT],
    opened: u32,
    /// The longest that a connection was idle without being closed for it, seconds.
    outlived: f32,
}

impl ServerCloses {
    /// Takes in a close of any kind.
    pub(super) fn add(&mut self, close: &ClosedConnection) {
        let at = (close.at_ns >> UNIT_BITS) as u32;
        if close.amends {
            if close.race.is_some() && at.wrapping_sub(self.moment.began) <= MOMENT {
                self.moment.lost = self.moment.lost.saturating_add(1);
            }
            return;
        }
        if let Some(age) = close.age {
            let opened = close.at_ns.saturating_sub((age.max(0.0) * 1e9) as u64);
            self.open((opened >> UNIT_BITS) as u32);
        }
        if close.race.is_none() {
            let idle = close.idle.filter(|_| close.closer == Closer::Client);
            let gap = close.uncounted.and_then(|requests| requests.long_gap);
            idle.into_iter().chain(gap).for_each(|idle| self.outlive(idle));
        }
        if !is_idle_close(close) {
            return;
        }
        if close.close_type == CloseType::Rst && close.race.is_none() {
            self.resets = self.resets.saturating_add(1);
        }
        let idle = close.idle.unwrap_or(0.0) as f32;
        self.together(at, (close.at_ns / 1_000_000_000) as u32, idle, close.race.is_some());
        let made_room = kept(&self.openings, self.opened).any(|&opened| follows(at, opened));
        self.closes[self.closed as usize % KEPT] = IdleClose { at, idle, made_room };
        self.closed = next(self.closed);
    }

    /// A connection was used again after so long.
    pub(super) fn outlive(&mut self, seconds: f64) {
        self.outlived = self.outlived.max(seconds as f32);
    }

    pub(super) fn resets(&self) -> u32 {
        self.resets
    }

    /// Idle connections that ended many in one moment, after different idle times: a reload. And of them, those that
    /// met a request.
    pub(super) fn at_once(&self) -> (u32, u32) {
        let (moments, closes, lost) = self.moments();
        let tenths = self.moment.second.saturating_sub(self.since).saturating_mul(RARE);
        if moments > 2 && moments.saturating_mul(RARE) > tenths { (0, 0) } else { (closes, lost) }
    }

    /// Moments of no timer so far, their closes, and the lost ones.
    fn moments(&self) -> (u32, u32, u32) {
        let Moment { closes, lost, .. } = self.moment;
        let (moments, closes, lost) =
            if self.moment.is_of_no_timer() { (1, closes, lost) } else { (0, 0, 0) };
        (
            self.moments.saturating_add(moments),
            self.together.saturating_add(closes),
            self.lost_together.saturating_add(lost),
        )
    }

    /// Whether what looks like a timer of at least `least` seconds is a server that closes an idle connection for each
    /// that comes: others were idle for longer, and the closes follow openings.
    pub(super) fn is_making_room(&self, least: f32) -> bool {
        self.outlived > least && self.made_room() > 0
    }

    /// Of the newest idle closes, those that made room; 0 where it may be chance or a timer.
    pub(super) fn made_room(&self) -> u32 {
        let closes = || kept(&self.closes, self.closed);
        let shortest = closes().map(|close| close.idle).fold(f32::INFINITY, f32::min);
        let hits = closes().filter(|close| close.made_room).count() as u32;
        let habit = hits >= ENOUGH && hits as usize * 5 >= closes().count() * 4;
        let is_outlived = self.outlived > shortest + tolerance(shortest);
        if habit && is_outlived && self.by_chance() <= CHANCE { hits } else { 0 }
    }

    /// The share of the time that is beside an opening.
    fn by_chance(&self) -> f32 {
        let openings = || kept(&self.openings, self.opened);
        let newest = openings().copied().max().unwrap_or(0);
        let span = openings().map(|&opened| newest.wrapping_sub(opened)).max().unwrap_or(0);
        if span == 0 { 1.0 } else { openings().count() as f32 * SOON as f32 / span as f32 }
    }

    fn open(&mut self, opened: u32) {
        let known = (self.closed as usize).min(KEPT);
        for close in &mut self.closes[..known] {
            close.made_room |= follows(close.at, opened);
        }
        self.openings[self.opened as usize % KEPT] = opened;
        self.opened = next(self.opened);
    }

    fn together(&mut self, at: u32, second: u32, idle: f32, lost: bool) {
        let apart = at.wrapping_sub(self.moment.began);
        if self.moment.closes == 0 || apart.min(apart.wrapping_neg()) > MOMENT {
            (self.moments, self.together, self.lost_together) = self.moments();
            self.moment = Moment { began: at, second, closes: 0, lost: 0, least_idle: idle, most_idle: idle };
            if self.closed == 0 {
                self.since = second;
            }
        }
        let moment = &mut self.moment;
        moment.closes = moment.closes.saturating_add(1);
        moment.lost = moment.lost.saturating_add(u32::from(lost));
        (moment.least_idle, moment.most_idle) = (moment.least_idle.min(idle), moment.most_idle.max(idle));
    }
}

/// The server ended it while it was idle, and nothing else explains it.
fn is_idle_close(close: &ClosedConnection) -> bool {
    let explained = matches!(
        close.cause,
        Cause::Announced
            | Cause::Shutdown
            | Cause::ProcessExit
            | Cause::ProcessKilled
            | Cause::OomKilled
            | Cause::NotAccepted
            | Cause::H2Goaway
            | Cause::TlsAlert
    );
    let idle = matches!(close.verdict, Verdict::ServerIdle | Verdict::IdleRace);
    idle && close.closer == Closer::Server && close.race != Some(Race::OwnTimer) && !explained
}

fn follows(close: u32, opened: u32) -> bool {
    close.wrapping_sub(opened) <= SOON
}

/// The next place of a ring; never again as if it were not full.
fn next(count: u32) -> u32 {
    count.checked_add(1).unwrap_or(KEPT as u32)
}

fn kept<T>(ring: &[T; KEPT], count: u32) -> impl Iterator<Item = &T> {
    ring.iter().take(count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{endpoint::sample::idle, labels::Side};

    const MS: u64 = 1_000_000;

    /// Closed at `at` ms after `seconds` of idleness.
    fn closed(side: Side, at: u64, seconds: f64) -> ClosedConnection {
        let age = Some(seconds + 0.004);
        ClosedConnection { at_ns: 3_600_000 * MS + at * MS, age, ..idle(side, seconds) }
    }

    fn fed(closes: impl IntoIterator<Item = ClosedConnection>) -> ServerCloses {
        let mut all = ServerCloses::default();
        closes.into_iter().for_each(|close| all.add(&close));
        all
    }

    /// One comes every 50 ms, for which the one is closed that came 450 ms before.
    fn evictions() -> impl Iterator<Item = ClosedConnection> {
        (0..20).map(|n| closed(Side::Server, 451 + 50 * n, 0.447))
    }

    #[test]
    fn closes_that_make_room_are_no_timer_when_others_are_idle_for_longer() {
        let survivors = (20..30).map(|n| closed(Side::Client, 504 + 50 * n, 0.4));
        let mut all = fed(evictions().chain(survivors));
        assert!(!all.is_making_room(0.45), "no other was idle for longer: a timer may do this");
        all.outlive(0.6);
        assert!(all.is_making_room(0.45));
        assert!(!all.is_making_room(0.6), "nothing outlived that");
    }

    #[test]
    fn a_timer_whose_closes_fall_between_openings_stays_one() {
        let mut all = fed((0..20).map(|n| closed(Side::Server, 470 + 50 * n, 0.447)));
        all.outlive(0.6);
        assert!(!all.is_making_room(0.45));
        let mut dense = fed((0..200).map(|n| closed(Side::Server, 450 + 4 * n, 0.447)));
        dense.outlive(0.6);
        assert!(!dense.is_making_room(0.45), "among so many openings each close is beside one");
    }

    #[test]
    fn many_of_one_moment_after_different_idle_times_are_a_reload() {
        let reload = |n: u64| closed(Side::Server, 1000 + n, 0.01 * n as f64);
        assert_eq!(fed((0..8).map(reload)).at_once(), (8, 0));
        let then = closed(Side::Server, 9000, 5.0);
        assert_eq!(fed((0..8).map(reload).chain([then])).at_once(), (8, 0));
        let alike = |n: u64| closed(Side::Server, 1000 + n, 5.0);
        assert_eq!(fed((0..8).map(alike)).at_once(), (0, 0), "a timer of those that were used together");
        let polled = |n: u64| closed(Side::Server, 1000 + n, 10.0 + n as f64 / 2.0);
        assert_eq!(fed((0..8).map(polled)).at_once(), (0, 0), "a timer that is polled");
        assert_eq!(fed((0..2).map(reload)).at_once(), (0, 0), "two are chance");
        let short = |n: u64| closed(Side::Server, 1000 + n, 0.003 * n as f64);
        assert_eq!(fed((0..8).map(short)).at_once(), (8, 0), "connections in use");
        let after_each = |n: u64| closed(Side::Server, 1000 + n, 0.001 * (n % 4) as f64);
        assert_eq!(fed((0..8).map(after_each)).at_once(), (0, 0), "a response each");
    }

    #[test]
    fn two_timers_of_a_busy_server_are_no_reload() {
        let busy = |n: u64| closed(Side::Server, 1000 + 10 * n, if n.is_multiple_of(2) { 1.0 } else { 5.0 });
        assert_eq!(fed((0..500).map(busy)).at_once(), (0, 0));
        let rare = |n: u64| closed(Side::Server, 1000 + n % 5 + n / 5 * 60_000, (n % 5) as f64);
        assert_eq!(fed((0..50).map(rare)).at_once(), (50, 0), "a reload each minute");
    }

    #[test]
    fn lost_ones_of_the_moment_are_counted_when_they_come_late_too() {
        let raced = |n: u64| ClosedConnection {
            verdict: Verdict::IdleRace,
            race: Some(Race::Stale),
            amends: n % 2 == 1,
            ..closed(Side::Server, 1000 + n, 0.02 * n as f64)
        };
        let seen = (0..8).map(|n| ClosedConnection { amends: false, race: None, ..raced(n) });
        assert_eq!(fed(seen.chain([raced(1), raced(3)])).at_once(), (8, 2));
    }

    #[test]
    fn resets_of_idle_connections_are_counted_apart() {
        let reset = ClosedConnection { close_type: CloseType::Rst, ..closed(Side::Server, 1, 5.0) };
        let all = fed([reset.clone(), reset, closed(Side::Server, 900, 5.0)]);
        assert_eq!(all.resets(), 2);
    }
}
