//! Times in words.

/// A set time, as people write it: `6 s`, `0.5 s`.
pub fn exact(seconds: f64) -> String {
    let text = format!("{seconds:.3}");
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A measured time in at most eight columns.
pub fn measured(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => "?".to_owned(),
        s if s.abs() < 10.0 => format!("{s:.2} s"),
        s if s.abs() < 600.0 => format!("{s:.1} s"),
        s if s.abs() < 7200.0 => format!("{:.1} min", s / 60.0),
        s if s.abs() < 3.6e6 => format!("{:.1} h", s / 3600.0),
        _ => ">1000 h".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_shortly() {
        assert_eq!(exact(65.0), "65 s");
        assert_eq!(exact(0.5), "0.5 s");
        assert_eq!(measured(5.998), "6.00 s");
        assert_eq!(measured(74.99), "75.0 s");
        assert_eq!(measured(3600.0), "60.0 min");
        assert!(measured(1e300).len() <= 8 && measured(f64::NAN).len() <= 8);
    }
}
