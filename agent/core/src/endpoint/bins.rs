//! A histogram of a fixed number of equal bins that widens by halves as values come.

/// Bins of one histogram.
pub(super) const BINS: usize = 12;
/// Seconds: no clock that is inferred from is finer.
const NARROWEST: f32 = 0.001;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bins {
    origin: f32,
    width: f32,
    /// All are halved when one is full: the shape stays.
    counts: [u16; BINS],
}

impl Bins {
    /// `value` must be finite, here and in [`Self::add`].
    pub(super) fn new(value: f32) -> Self {
        let mut bins =
            Self { origin: value - NARROWEST * (BINS / 2) as f32, width: NARROWEST, counts: [0; BINS] };
        bins.add(value);
        bins
    }

    pub(super) fn add(&mut self, value: f32) {
        // Each turn doubles the width, so that it ends after as many turns as a float has exponents.
        while value < self.origin {
            self.widen(BINS / 2);
        }
        while value >= self.origin + self.width * BINS as f32 {
            self.widen(0);
        }
        let at = self.index(value);
        if self.counts[at] == u16::MAX {
            self.counts.iter_mut().for_each(|count| *count /= 2);
        }
        self.counts[at] += 1;
    }

    /// `total` closes in the shape of what was counted, in equal bins from `least` to `most`.
    pub(super) fn between(&self, least: f32, most: f32, total: u32) -> Vec<u32> {
        let mut bins = vec![0; if most > least { BINS } else { 1 }];
        self.pour(least, most, total, &mut bins);
        bins
    }

    /// Adds `total` closes in the shape of what was counted to equal bins from `least` to `most`. Within a bin of
    /// its own the values are taken to be spread evenly.
    pub(super) fn pour(&self, least: f32, most: f32, total: u32, bins: &mut [u32]) {
        let sum: f64 = self.counts.iter().map(|&count| f64::from(count)).sum();
        let (step, mut poured) = ((most - least) / bins.len() as f32, 0);
        let bins_but_one = bins.len().saturating_sub(1);
        for (at, bin) in bins.iter_mut().enumerate() {
            let edge = if at == bins_but_one { f32::INFINITY } else { least + step * (at + 1) as f32 };
            let below = (f64::from(total) * self.below(edge, least, most) / sum).round() as u32;
            *bin = bin.saturating_add(below.saturating_sub(poured));
            poured = below.max(poured);
        }
    }

    /// How many of what was counted are below `edge`.
    fn below(&self, edge: f32, least: f32, most: f32) -> f64 {
        let of_bin = |(at, &count): (usize, &u16)| {
            let begin = self.origin + self.width * at as f32;
            let (begin, end) = (begin.max(least), (begin + self.width).min(most));
            let part = if edge >= end { 1.0 } else { ((edge - begin) / (end - begin)).max(0.0) };
            f64::from(count) * f64::from(part)
        };
        self.counts.iter().enumerate().map(of_bin).sum()
    }

    fn index(&self, value: f32) -> usize {
        (((value - self.origin) / self.width).max(0.0) as usize).min(BINS - 1)
    }

    /// Doubles the width; what was counted goes to the half that begins at `half`.
    fn widen(&mut self, half: usize) {
        let mut merged = [0; BINS];
        for (pair, to) in self.counts.chunks_exact(2).zip(&mut merged[half..]) {
            *to = pair[0].saturating_add(pair[1]);
        }
        if half > 0 {
            self.origin -= self.width * BINS as f32;
        }
        self.counts = merged;
        self.width *= 2.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_stays_counted_as_the_range_widens() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut bins = Bins::new(5.0);
        let (mut least, mut most) = (5.0_f32, 5.0_f32);
        for _ in 1..5000 {
            let value = 4.0 + 2.0 * rng.f32();
            (least, most) = (least.min(value), most.max(value));
            bins.add(value);
        }
        let shown = bins.between(least, most, 5000);
        assert_eq!((shown.len(), shown.iter().sum::<u32>()), (BINS, 5000));
        assert!(shown.iter().all(|&count| (350..=480).contains(&count)), "an even spread: {shown:?}");
    }

    #[test]
    fn equal_values_are_one_bin() {
        let mut bins = Bins::new(5.0);
        bins.add(5.0);
        assert_eq!(bins.between(5.0, 5.0, 2), [2]);
    }

    #[test]
    fn a_full_bin_halves_all_and_the_shape_stays() {
        let mut bins = Bins::new(5.0);
        for at in 0..200_000 {
            bins.add(if at % 4 == 0 { 5.006 } else { 5.0 });
        }
        let shown = bins.between(5.0, 5.006, 200_000);
        let (lower, upper) = shown.split_at(BINS / 2);
        let (lower, upper): (u32, u32) = (lower.iter().sum(), upper.iter().sum());
        assert_eq!(lower + upper, 200_000, "{shown:?}");
        assert!(lower.abs_diff(150_000) < 2_000, "{shown:?}");
    }

    #[test]
    fn values_far_apart_end_the_widening() {
        let mut bins = Bins::new(0.1);
        for value in [3e6, 0.0, 1e-30, 3e6] {
            bins.add(value);
        }
        assert_eq!(bins.between(0.0, 3e6, 5).iter().sum::<u32>(), 5);
    }
}
