//! Small histograms over one logarithmic axis of time.

use crate::endpoint::{Gaps, Timer};

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Times outside are drawn at the axis's end, seconds.
const SHORTEST: f64 = 0.001;
const LONGEST: f64 = 1e6;
/// An axis spans at least this factor, for neighbours not to look far apart.
const SPAN: f64 = 8.0;
/// Bins are drawn at most this factor wide.
const WIDEST: f64 = 1.15;

/// Seconds, and how many came after them.
pub type Points = Vec<(f64, u64)>;

/// From seconds to columns.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    shortest: f64,
    longest: f64,
    columns: usize,
}

impl Axis {
    /// An axis on which all of `seconds` can be seen; `None` when there are none.
    pub fn over(seconds: impl Iterator<Item = f64>, columns: usize) -> Option<Self> {
        let (mut shortest, mut longest) = (f64::INFINITY, 0.0_f64);
        for second in seconds.filter(|second| second.is_finite()) {
            shortest = shortest.min(second.clamp(SHORTEST, LONGEST));
            longest = longest.max(second.clamp(SHORTEST, LONGEST));
        }
        if longest <= 0.0 || columns < 2 {
            return None;
        }
        let short = (SPAN / (longest / shortest)).max(1.0).sqrt() * 1.15;
        Some(Self { shortest: shortest / short, longest: longest * short, columns })
    }

    pub fn column(&self, seconds: f64) -> usize {
        let share = (seconds.clamp(self.shortest, self.longest) / self.shortest).ln()
            / (self.longest / self.shortest).ln();
        ((share * self.columns as f64) as usize).min(self.columns - 1)
    }

    /// Bars whose heights are logarithms of the counts, for a few to show beside thousands.
    pub fn bars(&self, points: &[(f64, u64)]) -> String {
        let mut counts = vec![0_u64; self.columns];
        for (seconds, count) in points.iter().filter(|(seconds, _)| seconds.is_finite()) {
            let column = &mut counts[self.column(*seconds)];
            *column = column.saturating_add(*count);
        }
        blocks(&counts)
    }

    /// The same for bins that reach from the bound before to their own.
    pub fn wide_bars(&self, points: &[(f64, u64)]) -> String {
        let widening = widening(points);
        let mut filled: Vec<(usize, u64)> = Vec::new();
        for (bound, count) in points.iter().filter(|(bound, _)| bound.is_finite()) {
            let last = self.column(*bound);
            let first = (self.column(*bound / widening) + 1).min(last);
            filled.extend((first..=last).map(|column| (column, *count)));
        }
        let mut counts = vec![0_u64; self.columns];
        for (column, count) in filled {
            counts[column] = counts[column].max(count);
        }
        blocks(&counts)
    }

    /// Labels below the columns of round times.
    pub fn ticks(&self) -> String {
        let mut text = String::new();
        let mut used = 0;
        for decade in -3..7 {
            for step in [1.0, 2.0, 3.0, 5.0] {
                let seconds = step * 10_f64.powi(decade);
                if seconds < self.shortest || seconds > self.longest {
                    continue;
                }
                let (column, label) = (self.column(seconds), label(seconds));
                let fits =
                    column + label.chars().count() <= self.columns && (used == 0 || column >= used + 2);
                if fits {
                    text.extend(std::iter::repeat_n(' ', column - used));
                    text.push_str(&label);
                    used = column + label.chars().count();
                }
            }
        }
        text
    }
}

fn blocks(counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0);
    let height = |count: u64| {
        if count == 0 {
            return 0;
        }
        let share = (1.0 + count as f64).ln() / (1.0 + most as f64).ln();
        ((share * 8.0).round() as usize).clamp(1, 8)
    };
    counts.iter().map(|&count| BLOCKS[height(count)]).collect()
}

/// A timer's closes.
pub fn timer_points(timer: &Timer) -> Points {
    let width = (timer.most - timer.least) / timer.bins.len().max(1) as f64;
    if timer.bins.iter().all(|&count| count == 0) || width.is_nan() || width < 0.0 {
        return vec![(timer.seconds, timer.count)];
    }
    let middle = |index: usize| timer.least + (index as f64 + 0.5) * width;
    timer
        .bins
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(index, count)| (middle(index), u64::from(*count)))
        .collect()
}

/// Gaps before reuse, each bin at its upper bound, but none beyond the longest gap.
pub fn gap_points(gaps: &Gaps) -> Points {
    let longest = gaps.longest.unwrap_or(f64::INFINITY);
    gaps.bins.iter().map(|(bound, count)| (bound.min(longest), *count)).collect()
}

/// How much the bins of gaps widen from one to the next, as the closest of them show.
fn widening(points: &[(f64, u64)]) -> f64 {
    let ratios = points.iter().zip(points.iter().skip(1)).map(|(a, b)| b.0 / a.0);
    ratios.filter(|ratio| *ratio > 1.02).fold(WIDEST, f64::min)
}

fn label(seconds: f64) -> String {
    let text = if seconds < 1.0 { format!("{seconds:.3}") } else { format!("{seconds:.0}") };
    let text = if text.contains('.') { text.trim_end_matches('0') } else { &text };
    format!("{text}s")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{Clock, Phase, Side};

    #[test]
    fn bars_stand_where_their_times_are_and_ticks_below_them() {
        let axis = Axis::over([0.1, 10.0].into_iter(), 40).expect("an axis");
        let bars = axis.bars(&[(0.1, 1), (1.0, 1000), (10.0, 30)]);
        let heights: Vec<_> = bars.chars().filter(|c| *c != ' ').collect();
        assert_eq!(heights, ['▁', '█', '▄']);
        let second = bars.chars().position(|c| c == '█').expect("the highest");
        assert_eq!(axis.ticks().find(" 1s"), Some(second - 1));
        assert!(axis.ticks().chars().count() <= 40, "{}", axis.ticks());
    }

    #[test]
    fn a_single_time_and_hostile_times_are_drawn() {
        assert!(Axis::over(std::iter::empty(), 40).is_none());
        assert!(Axis::over([f64::NAN, f64::INFINITY].into_iter(), 40).is_none());
        let axis = Axis::over([6.0].into_iter(), 40).expect("an axis");
        assert_eq!(axis.bars(&[(6.0, 3)]).trim(), "█");
        let axis = Axis::over([-1.0, 0.0, 1e300].into_iter(), 40).expect("an axis");
        let bars = axis.bars(&[(-1.0, u64::MAX), (0.0, u64::MAX), (1e300, 1), (f64::NAN, 1)]);
        assert_eq!(bars.chars().count(), 40);
    }

    #[test]
    fn a_timer_without_bins_is_one_point() {
        let mut timer = Timer {
            side: Side::Server,
            phase: Phase::Idle,
            clock: Clock::Idle,
            seconds: 5.0,
            least: 5.0,
            most: 6.0,
            count: 9,
            share: 1.0,
            bins: Vec::new(),
        };
        assert_eq!(timer_points(&timer), [(5.0, 9)]);
        timer.bins = vec![4, 0, 0, 5];
        assert_eq!(timer_points(&timer), [(5.125, 4), (5.875, 5)]);
    }
}
