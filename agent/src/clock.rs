//! The kernel's clocks, in people's terms.

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// CLOCK_MONOTONIC in ns, the clock of `bpf_ktime_get_ns`.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// When a CLOCK_MONOTONIC reading was, by the wall clock as it stands now.
pub fn wall_time(monotonic: u64) -> Timestamp {
    wall_time_by(monotonic, wall_ahead_ns())
}

/// The same by a wall clock that is so far ahead, ns.
pub fn wall_time_by(monotonic: u64, wall_ahead_ns: i64) -> Timestamp {
    let then = i128::from(wall_ahead_ns) + i128::from(monotonic);
    Timestamp::from_nanosecond(then).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// How far the wall clock is ahead of CLOCK_MONOTONIC as it stands now, ns.
pub fn wall_ahead_ns() -> i64 {
    let now = clock_gettime(ClockId::Realtime);
    let real = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
    i64::try_from(real - i128::from(monotonic_ns())).unwrap_or_default()
}

/// Seconds per jiffy from two readings of both clocks, rounded to a frequency that kernels are built with.
///
/// Returns `None` when the readings are too close to tell.
pub fn tick_seconds(first: (u64, u64), second: (u64, u64)) -> Option<f64> {
    /// CONFIG_HZ of kernel/Kconfig.hz, v6.12, and 200 of some ARM platforms.
    const FREQUENCIES: [f64; 5] = [100.0, 200.0, 250.0, 300.0, 1000.0];
    let ticks = second.1.checked_sub(first.1)? as f64;
    let seconds = second.0.checked_sub(first.0)? as f64 / 1e9;
    if seconds < 0.05 || ticks < 5.0 {
        return None;
    }
    let measured = ticks / seconds;
    let nearest = |a: &f64, b: &f64| (a / measured).ln().abs().total_cmp(&(b / measured).ln().abs());
    FREQUENCIES.into_iter().min_by(nearest).map(|hz| 1.0 / hz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_frequencies_are_distinguished_within_a_tick() {
        for hz in [100_u64, 200, 250, 300, 1000] {
            for off in [-1_i64, 0, 1] {
                let ticks = (hz as i64 / 10 + off) as u64;
                let tick = tick_seconds((0, 1000), (100_000_000, 1000 + ticks)).expect("measured");
                assert!((tick * hz as f64 - 1.0).abs() < 1e-9, "{hz} {off}: {tick}");
            }
        }
        assert_eq!(tick_seconds((0, 0), (1_000_000, 1)), None);
    }
}
