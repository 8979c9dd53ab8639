//! `--overhead-budget`.

use std::str::FromStr;

/// A share of one core: 0.02 is two per cent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverheadBudget(pub f64);

#[derive(Debug, thiserror::Error)]
#[error("expected per cent of one core, above 0 and at most 100000, such as 2% or 0.5%")]
pub struct NoBudget;

impl FromStr for OverheadBudget {
    type Err = NoBudget;

    fn from_str(text: &str) -> Result<Self, NoBudget> {
        let number = text.strip_suffix('%').unwrap_or(text).trim();
        let percent: f64 = number.parse().map_err(|_no_number| NoBudget)?;
        if percent > 0.0 && percent <= 100_000.0 { Ok(Self(percent / 100.0)) } else { Err(NoBudget) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_cent_of_a_core_with_or_without_the_sign() {
        for (text, share) in [("2%", 0.02), ("2", 0.02), ("0.5 %", 0.005), ("150%", 1.5)] {
            let OverheadBudget(parsed) = text.parse().expect(text);
            assert!((parsed - share).abs() < 1e-12, "{text}: {parsed}");
        }
        for text in ["", "%", "0", "-1%", "NaN", "inf", "2%%", "two", "1e9"] {
            assert!(text.parse::<OverheadBudget>().is_err(), "{text}");
        }
    }
}
