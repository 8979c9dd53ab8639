//! Pairs of rates, summed up.

/// What the pairs say; ratios are on / off.
pub(crate) struct Summary {
    pub(crate) off: f64,
    pub(crate) on: f64,
    pub(crate) median: f64,
    /// Mean without the lowest and highest tenth.
    pub(crate) trimmed: f64,
    /// Standard error of the trimmed mean.
    pub(crate) error: f64,
}

impl Summary {
    pub(crate) fn of(pairs: &[(f64, f64)]) -> Self {
        let mut ratios: Vec<f64> = pairs.iter().map(|(off, on)| on / off).collect();
        ratios.sort_by(f64::total_cmp);
        let cut = ratios.len() / 10;
        let kept = &ratios[cut..ratios.len() - cut];
        Self {
            off: median(pairs.iter().map(|pair| pair.0).collect()),
            on: median(pairs.iter().map(|pair| pair.1).collect()),
            median: median(ratios.clone()),
            trimmed: mean(kept),
            error: trimmed_error(kept, cut),
        }
    }
}

/// By Tukey and McLaughlin: what was cut off counts as the outermost value that was kept. Of a single value NaN.
fn trimmed_error(kept: &[f64], cut: usize) -> f64 {
    let (Some(lowest), Some(highest)) = (kept.first(), kept.last()) else { return f64::NAN };
    let winsorized = [vec![*lowest; cut], kept.to_vec(), vec![*highest; cut]].concat();
    let center = mean(&winsorized);
    let squares: f64 = winsorized.iter().map(|value| (value - center).powi(2)).sum();
    let count = winsorized.len() as f64;
    (squares / (count - 1.0)).sqrt() * count.sqrt() / kept.len() as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(ratios: &[f64]) -> f64 {
        Summary::of(&ratios.iter().map(|ratio| (1.0, *ratio)).collect::<Vec<_>>()).error
    }

    #[test]
    fn the_standard_error_is_that_of_the_mean_that_is_printed() {
        // Two values, none cut: their sample deviation is the square root of 2.
        assert!((error_of(&[1.0, 3.0]) - 1.0).abs() < 1e-12);
        // 2 2 3 4 5 6 7 8 9 9: the squares add up to 66.5.
        let expected = (66.5_f64 / 9.0).sqrt() / (0.8 * 10.0_f64.sqrt());
        let ten: Vec<f64> = (1..=10).map(f64::from).collect();
        assert!((error_of(&ten) - expected).abs() < 1e-12);
        // Two outliers, both cut, change nothing.
        let wild: Vec<f64> = ten.iter().map(|value| if *value > 9.5 { 1e6 } else { *value }).collect();
        assert!((error_of(&wild) - expected).abs() < 1e-12);
    }
}
