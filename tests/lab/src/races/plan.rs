//! The grid: what each connection is to go through, drawn from the seed.

use std::time::Duration;

use fastrand::Rng;

/// Where a connection is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wire {
    Loopback,
    LoopbackV6,
    /// 20 ms each way, carried in user space.
    Delay,
    /// The same, and no time-wait sockets at either end.
    DelayWithoutTimeWait,
}

impl Wire {
    pub const ALL: [Self; 4] = [Self::Loopback, Self::LoopbackV6, Self::Delay, Self::DelayWithoutTimeWait];

    pub fn word(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::LoopbackV6 => "loopback, IPv6",
            Self::Delay => "delay",
            Self::DelayWithoutTimeWait => "delay, no time-wait",
        }
    }

    pub(super) fn is_slow(self) -> bool {
        matches!(self, Self::Delay | Self::DelayWithoutTimeWait)
    }
}

/// How the server comes to its close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Looks for a request once more, then closes.
    LooksAgain,
    /// Its timers run before it looks at its sockets.
    TimersFirst,
    /// It is busy elsewhere for so long before its timer, then as [`Habit::TimersFirst`].
    Busy(Duration),
    /// Shuts its sending side only, and reads on for a while what it throws away.
    Lingers,
}

/// What is there for a request that comes after the close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    /// A time-wait socket.
    TimeWait,
    /// The full socket in FIN_WAIT2.
    Orphan,
    /// After one second the listener.
    Listener,
    /// After one second nobody.
    Nobody,
}

/// What the client does when its gap is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// Asks again; `looks`: unless it sees that the server has closed.
    Ask { looks: bool },
    /// Asks again, and its own timer closes the connection right after.
    AskAndClose,
    /// Asks again, and gives up waiting after so long.
    AskAndGiveUp(Duration),
    /// Closes, by FIN or (`resets`) by RST.
    Close { resets: bool },
    /// Waits for the server's close.
    Wait,
}

/// Where a connection comes to an end that is no race, besides its plan above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twist {
    None,
    /// The responses announce the end.
    Announced,
    /// The server closes on the first request: having read it or not.
    FirstLost {
        reads: bool,
    },
    /// Nobody listens.
    Refused,
    /// The client's keepalive probes find that the connection has gone.
    Probes,
}

/// One connection.
#[derive(Debug, Clone)]
pub(super) struct Play {
    pub(super) index: u32,
    pub(super) wire: Wire,
    /// The server's idle timeout.
    pub(super) timeout: Duration,
    /// From the end of the response to the client's move.
    pub(super) gap: Duration,
    /// Both clocks run from the same instant, to the microsecond.
    pub(super) together: bool,
    pub(super) habit: Habit,
    pub(super) leaves: Leaves,
    pub(super) moves: Move,
    pub(super) twist: Twist,
    /// Requests answered before the gap.
    pub(super) before: u32,
    /// Body of the request that is lost or answered after the gap; 0 is a GET.
    pub(super) body: u32,
    /// The body goes out with a second system call.
    pub(super) in_two: bool,
    /// The server's time to answer.
    pub(super) thinks: Duration,
    /// What the client does with a connection that has ended: closes it at once, or leaves it lying.
    pub(super) leaves_lying: Duration,
}

const TIMEOUTS_MS: [u64; 7] = [200, 300, 400, 600, 900, 1400, 2000];
/// With [`Scope::hasty`] no wait is longer.
const HASTY: Duration = Duration::from_millis(1500);
/// Steps from 0.5 to 1.5 of the timeout.
const STEPS: u64 = 41;

/// How much is planned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// At least so many requests after a gap, and the noise between them.
    pub(super) requests: u32,
    pub(super) seed: u64,
    /// Nothing that lasts for seconds.
    pub(super) hasty: bool,
}

pub(super) fn plan(scope: &Scope) -> Vec<Play> {
    let Scope { requests, seed, hasty } = *scope;
    let mut rng = Rng::with_seed(seed);
    let mut plays = Vec::new();
    for index in 0..requests {
        let wire = match index % 20 {
            0..=7 => Wire::Loopback,
            8..=9 => Wire::LoopbackV6,
            10..=17 => Wire::Delay,
            _ => Wire::DelayWithoutTimeWait,
        };
        let play = request(&mut rng, wire, index);
        plays.push(play);
    }
    for number in 0..requests / 8 {
        let wire = Wire::ALL[(number % 4) as usize];
        plays.push(noise(&mut rng, wire, number));
    }
    rng.shuffle(&mut plays);
    for (index, play) in plays.iter_mut().enumerate() {
        play.index = index as u32;
    }
    if hasty {
        plays.retain(|play| play.timeout.max(play.gap) <= HASTY && play.leaves_lying <= HASTY);
    }
    plays
}

/// A request at some point of the grid. Two of three are near the timeout, where requests are lost.
fn request(rng: &mut Rng, wire: Wire, number: u32) -> Play {
    let timeout_ms = TIMEOUTS_MS[number as usize % TIMEOUTS_MS.len()];
    let timeout = Duration::from_millis(timeout_ms);
    let dense = !number.is_multiple_of(3);
    let gap = if dense {
        near(rng, wire, timeout)
    } else {
        let step = u64::from(number / 3) % STEPS;
        timeout / 2 + timeout * step as u32 / (STEPS as u32 - 1)
    };
    let moves = match rng.u32(0..20) {
        0..=12 => Move::Ask { looks: false },
        13..=17 => Move::Ask { looks: true },
        _ => Move::AskAndClose,
    };
    let mut play = basic(rng, wire, timeout, gap, moves);
    play.together = dense && moves == Move::Ask { looks: false };
    if moves == Move::AskAndClose {
        // Before the server's timer: otherwise it is that one's race.
        play.gap = timeout / 2;
        play.thinks = Duration::from_millis(rng.u64(2..40));
    }
    // Some come much later, to what the server has left.
    if moves == (Move::Ask { looks: false }) && rng.u32(0..8) == 0 {
        play.together = false;
        play.leaves = *rng
            .choice(&[Leaves::TimeWait, Leaves::Orphan, Leaves::Listener, Leaves::Nobody])
            .unwrap_or(&Leaves::TimeWait);
        play.gap = timeout + Duration::from_millis(rng.u64(100..2500));
        if rng.u32(0..6) == 0 {
            // After the agent has reported both ends.
            play.gap = timeout + Duration::from_millis(rng.u64(5200..6500));
        }
    }
    play
}

/// A gap that brings the request near to the close: microseconds on loopback, as far as a flight lasts over the delay.
fn near(rng: &mut Rng, wire: Wire, timeout: Duration) -> Duration {
    let flight_us = if wire.is_slow() { 20_000 } else { 0 };
    let apart_us = match (wire.is_slow(), rng.u32(0..3)) {
        (true, 0) => rng.i64(-23_000..-17_000),
        (true, _) => rng.i64(-60_000..60_000),
        (false, 0) => rng.i64(-5_000..5_000),
        (false, 1) => rng.i64(-400..400),
        (false, _) => rng.i64(-40..40),
    };
    // The client's clock starts a flight later.
    let us = timeout.as_micros() as i64 + apart_us - flight_us;
    Duration::from_micros(us.max(1_000) as u64)
}

fn basic(rng: &mut Rng, wire: Wire, timeout: Duration, gap: Duration, moves: Move) -> Play {
    let habit = match rng.u32(0..10) {
        0..=3 => Habit::LooksAgain,
        4..=6 => Habit::TimersFirst,
        7..=8 => Habit::Busy(Duration::from_micros(rng.u64(500..5_000))),
        _ => Habit::Lingers,
    };
    let body = if rng.u32(0..4) == 0 { rng.u32(1..4_000) } else { 0 };
    Play {
        index: 0,
        wire,
        timeout,
        gap,
        together: false,
        habit,
        leaves: Leaves::TimeWait,
        moves,
        twist: Twist::None,
        before: rng.u32(1..4),
        body,
        in_two: body > 0 && rng.bool(),
        thinks: Duration::from_micros(rng.u64(0..3_000)),
        leaves_lying: if rng.u32(0..3) == 0 {
            Duration::from_millis(rng.u64(1..400))
        } else {
            Duration::ZERO
        },
    }
}

/// What must not be taken for a race.
fn noise(rng: &mut Rng, wire: Wire, number: u32) -> Play {
    let timeout = Duration::from_millis(TIMEOUTS_MS[number as usize % 4]);
    let long = 4 * timeout;
    let mut play = basic(rng, wire, timeout, timeout, Move::Wait);
    match number / 4 % 9 {
        0 => (play.moves, play.gap, play.timeout) = (Move::Close { resets: false }, timeout, long),
        // As HAProxy ends what it has pooled.
        1 => (play.moves, play.gap, play.timeout) = (Move::Close { resets: true }, timeout, long),
        2 => play.leaves_lying = Duration::from_millis(rng.u64(0..300)),
        3 => play.twist = Twist::FirstLost { reads: rng.bool() },
        4 => {
            play.moves = Move::AskAndGiveUp(Duration::from_millis(rng.u64(60..200)));
            play.gap = timeout / 2;
            play.thinks = Duration::from_secs(1);
        }
        5 => play.twist = Twist::Refused,
        6 => {
            play.twist = Twist::Announced;
            play.moves = Move::Ask { looks: false };
            play.gap = timeout + Duration::from_millis(rng.u64(0..100));
        }
        7 => {
            // Its FIN finds the listener, or nobody.
            play.leaves = if rng.bool() { Leaves::Listener } else { Leaves::Nobody };
            play.leaves_lying = Duration::from_millis(1_800);
        }
        _ => {
            play.leaves = if rng.bool() { Leaves::Listener } else { Leaves::TimeWait };
            play.twist = Twist::Probes;
            play.leaves_lying = Duration::from_millis(2_800);
        }
    }
    play
}

#[cfg(test)]
mod tests;
