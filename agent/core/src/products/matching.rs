//! Whether a timer that was seen can be a row's, by side, phase, clock and time.

use super::{Nominal, Row};
use crate::{
    endpoint::Timer,
    labels::{Clock, Phase},
};

/// How much earlier than its time a timer may be seen: the kernel's own clock counts in jiffies.
fn early(expected: f64) -> f64 {
    (expected * 0.01).max(0.020)
}

/// How much later: timers fire late, and the close takes time.
fn late(expected: f64) -> f64 {
    (expected * 0.01).max(0.050)
}

/// How well a row fits a timer: less is better.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct Fit(f64);

/// Same end, same phase, same clock: the row governs such closes, whatever its value.
pub(super) fn governs(row: &Row, timer: &Timer) -> bool {
    row.sides.contains(&timer.side)
        && row.phases.contains(&timer.phase)
        && coincide(row.clock, timer.clock, timer.phase)
}

/// Whether the two clocks read the same in `phase`.
fn coincide(one: Clock, other: Clock, phase: Phase) -> bool {
    use Clock::{Age, Head, Idle, Request, Silent};
    let same: &[Clock] = match phase {
        Phase::Idle => &[Idle, Silent],
        // Nothing was sent since the connection was made.
        Phase::Unused => &[Idle, Silent, Head, Age],
        Phase::RequestHead => &[Head, Request],
        _ => &[],
    };
    one == other || (same.contains(&one) && same.contains(&other))
}

/// Whether the row's default fits the time that was seen; `None` when it does not.
pub(super) fn fits(row: &Row, timer: &Timer, announced: Option<u32>) -> Option<Fit> {
    let earliest = row.earliest(announced)?;
    let beyond = timer.seconds - earliest;
    if !(beyond >= -early(earliest) && beyond <= row.granularity + late(earliest)) {
        return None;
    }
    // Outside of the window in which the row says that it closes.
    let outside = (-beyond).max(beyond - row.granularity).max(0.0);
    // A row that closes within a long window explains little, and one that closes sharply no wide spread.
    let spread = (timer.most - timer.least - row.granularity).max(0.0);
    Some(Fit((outside + row.granularity + spread) / earliest))
}

/// The set time that would explain what was seen.
pub(super) fn configured(row: &Row, timer: &Timer) -> f64 {
    (timer.seconds - row.bias).max(0.0)
}

/// What a row that was announced by the other end does with the announcement, or its own default, in words.
pub(super) fn default_in_words(row: &Row) -> String {
    match row.nominal {
        Nominal::Seconds(seconds) => format!("its default is {} s", tidy(seconds)),
        Nominal::Announced => "it follows what the other end announces".to_owned(),
        Nominal::Never => "by default it does not close".to_owned(),
    }
}

/// Seconds with at most three decimals and no zeros at the end.
pub(super) fn tidy(seconds: f64) -> String {
    let text = format!("{seconds:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
