//! Lengths of time.

use std::time::Duration;

/// `10s`, `5min`, `1h 30min`; a bare number is seconds.
///
/// # Errors
/// When it is neither.
pub(super) fn duration(text: &str) -> Result<Duration, humantime::DurationError> {
    let seconds =
        text.trim().parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.map_or_else(|| humantime::parse_duration(text), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_seconds() {
        for (text, milliseconds) in
            [("10", 10_000), ("0.5", 500), ("10s", 10_000), ("2m", 120_000), ("100ms", 100)]
        {
            assert_eq!(duration(text).expect(text), Duration::from_millis(milliseconds), "{text}");
        }
        for text in ["", "soon", "-1", "inf", "NaN", "10x"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
