//! Pairs of rates, summed up.

/// What the pairs say; ratios are on / off.
pub(crate) struct Summary {
    pub(crate) off: f64,
    pub(crate) on: f64,
    pub(crate) median: f64,
    /// Mean without the lowest and highest tenth.
    pub(crate) trimmed: f64,
    /// Standard error of the untrimmed mean.
    pub(crate) error: f64,
}

impl Summary {
    pub(crate) fn of(pairs: &[(f64, f64)]) -> Self {
        let mut ratios: Vec<f64> = pairs.iter().map(|(off, on)| on / off).collect();
        ratios.sort_by(f64::total_cmp);
        let mean = mean(&ratios);
        let variance = ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>() / ratios.len() as f64;
        let cut = ratios.len() / 10;
        Self {
            off: median(pairs.iter().map(|pair| pair.0).collect()),
            on: median(pairs.iter().map(|pair| pair.1).collect()),
            median: median(ratios.clone()),
            trimmed: self::mean(&ratios[cut..ratios.len() - cut]),
            error: (variance / ratios.len() as f64).sqrt(),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
