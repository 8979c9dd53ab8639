//! After how long connections were shut while idle: fine logarithmic bins.

/// Bins of one decade.
pub const PER_DECADE: usize = 24;
/// Where the first bin begins, seconds.
pub const FIRST: f64 = 0.01;
/// From 10 ms to nearly three hours; what lies outside is in the first and the last.
pub const BINS: usize = 6 * PER_DECADE;

#[derive(Clone, Debug)]
pub(super) struct IdleBins([u32; BINS]);

impl IdleBins {
    pub(super) fn new() -> Self {
        Self([0; BINS])
    }

    pub(super) fn add(&mut self, seconds: f64) {
        let at = ((seconds / FIRST).log10() * PER_DECADE as f64).floor();
        // Saturates: what is no time or below the first bin is in the first.
        let bin = &mut self.0[(at as usize).min(BINS - 1)];
        *bin = bin.saturating_add(1);
    }

    /// Numbers of the bins that are not empty, and what they hold.
    pub(super) fn shown(&self) -> Vec<(u16, u32)> {
        let filled = self.0.iter().enumerate().filter(|&(_, &count)| count > 0);
        filled.map(|(bin, &count)| (bin as u16, count)).collect()
    }
}

/// Where a bin begins, seconds.
pub fn begins(bin: usize) -> f64 {
    FIRST * 10_f64.powf(bin as f64 / PER_DECADE as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_lies_within_its_bin_which_is_a_tenth_wide() {
        for seconds in [0.0101, 0.3, 1.01, 4.99, 5.0, 60.0, 75.0, 3600.0] {
            let mut bins = IdleBins::new();
            bins.add(seconds);
            let [(bin, 1)] = bins.shown()[..] else { panic!("{seconds}: {:?}", bins.shown()) };
            let (from, to) = (begins(bin.into()), begins(usize::from(bin) + 1));
            assert!(
                from <= seconds * 1.000_001 && seconds < to && to < from * 1.101,
                "{from} {seconds} {to}"
            );
        }
    }

    #[test]
    fn common_defaults_that_lie_close_together_are_told_apart() {
        let bin = |seconds| {
            let mut bins = IdleBins::new();
            bins.add(seconds);
            bins.shown()[0].0
        };
        for pair in [(5.0, 6.0), (60.0, 65.0), (65.0, 75.0), (350.0, 400.0)] {
            assert_ne!(bin(pair.0), bin(pair.1), "{pair:?}");
        }
    }

    #[test]
    fn what_is_no_time_or_outside_is_in_the_first_or_the_last() {
        let mut bins = IdleBins::new();
        for seconds in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY, 1e9, f64::INFINITY] {
            bins.add(seconds);
        }
        assert_eq!(bins.shown(), [(0, 4), (BINS as u16 - 1, 2)]);
    }
}
