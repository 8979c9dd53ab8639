//! The server's idle timer against how long clients hold a connection and use it again.

use super::{
    model::{Headroom, Risk},
    series::Series,
    state::State,
    timer_readings::Kind,
};
use crate::labels::{Clock, Phase, Side};

/// Of the newest closes of its side, the share that a timer must make to count here.
const STRONG: f32 = 0.1;
/// Of the newest idle closes, the share by the server from which on its clients do not let go first.
const OFTEN: f32 = 0.2;
/// Closes by the clients' timer that show that the server's is longer, when the server never closed.
const CONVINCING: u32 = 5;
/// Of the server's timer, what counts as too close to it; at most [`MOST_MARGIN`], at least [`LEAST_MARGIN_TICKS`].
const MARGIN: f64 = 0.1;
/// Seconds.
const MOST_MARGIN: f64 = 1.0;
const LEAST_MARGIN_TICKS: f64 = 4.0;

/// An endpoint that goes on for so long without a race loses requests no more: somebody has changed something.
const LOSING_NS: u64 = 3_600_000_000_000;

/// What a reuse is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    server: f64,
    margin: f64,
}

impl Guard {
    /// The gap from which on a reuse is at risk, seconds.
    pub(super) fn from(self) -> f64 {
        self.server - self.margin
    }

    pub(super) fn is_close(self, gap: f64) -> bool {
        gap >= self.from()
    }
}

/// `None` while the server's idle timer is not known.
pub(super) fn guard(state: &State, tick: f64) -> Option<Guard> {
    let series = idle_series(state, Side::Server)?;
    let current = state.idle_closers.is_servers_current();
    let server = series.shortest(STRONG).filter(|_| current)?;
    let server = Some(server).filter(|&server| !state.server_closes.is_making_room(server)).map(f64::from)?;
    Some(Guard { server, margin: (server * MARGIN).min(MOST_MARGIN).max(LEAST_MARGIN_TICKS * tick) })
}

/// How long clients hold an idle connection.
struct Hold {
    seconds: f64,
    /// Their own timer says so.
    timer: bool,
    open_ended: bool,
}

/// What the timers and the gaps say, and what it means. Connections that nobody uses again lose nothing, however
/// they are closed: there is no headroom then, and no risk that could be reported.
pub(super) fn judge(state: &State, tick: f64) -> (Option<Headroom>, Risk) {
    let known = guard(state, tick).filter(|_| state.reused > 0);
    let found = known.and_then(|guard| Some((guard, hold(state, guard)?)));
    let headroom = found.as_ref().map(|(guard, hold)| Headroom {
        seconds: guard.server - hold.seconds,
        server: guard.server,
        client: hold.seconds,
        open_ended: hold.open_ended,
        margin: guard.margin,
    });
    let races = state.races.iter().any(|&races| races > 0);
    let risk = if races && state.seen_ns.saturating_sub(state.raced_ns) <= LOSING_NS {
        Risk::Losing
    } else if state.reused == 0 {
        Risk::Unknown
    } else {
        match &found {
            Some((guard, hold)) => compare(*guard, hold),
            None if clients_always_close_first(state) => Risk::Safe,
            None => Risk::Unknown,
        }
    };
    (headroom, risk)
}

fn compare(guard: Guard, hold: &Hold) -> Risk {
    let headroom = guard.server - hold.seconds;
    if hold.timer && headroom.abs() <= guard.margin {
        Risk::Tie
    } else if hold.open_ended || headroom <= guard.margin {
        Risk::Mismatch
    } else {
        Risk::Safe
    }
}

fn hold(state: &State, guard: Guard) -> Option<Hold> {
    let longest = state.gaps.as_ref().and_then(|gaps| gaps.longest());
    let often = state.idle_closers.server() >= OFTEN;
    let timer = clients_timer(state);
    if let Some(seconds) = timer
        && (!often || seconds >= guard.server - guard.margin)
    {
        return Some(Hold { seconds, timer: true, open_ended: false });
    }
    if often {
        // What the server closed, clients still held: for at least so long.
        let seconds = longest.unwrap_or(0.0).max(guard.server);
        return Some(Hold { seconds, timer: false, open_ended: true });
    }
    longest.map(|seconds| Hold { seconds, timer: false, open_ended: false })
}

/// The longest, as some client holds its connections for so long.
fn clients_timer(state: &State) -> Option<f64> {
    let lets_go = state.idle_closers.server() <= 1.0 - STRONG;
    let series = idle_series(state, Side::Client).filter(|_| lets_go)?;
    series.longest(STRONG).map(f64::from)
}

/// The server's timer does not show because it never comes to it.
fn clients_always_close_first(state: &State) -> bool {
    !state.idle_closers.is_servers_current()
        && state.idle_closers.closes() >= CONVINCING
        && clients_timer(state).is_some()
}

fn idle_series(state: &State, side: Side) -> Option<&Series> {
    state.find(Kind { side, phase: Phase::Idle, clock: Clock::Idle })
}

#[cfg(test)]
mod tests;
