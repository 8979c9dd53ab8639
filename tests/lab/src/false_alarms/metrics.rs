//! The daemon's counters of one port, as Prometheus would scrape them.

use harness::Samples;

/// A sample, by its series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample<'a> {
    series: &'a str,
    pub(super) value: f64,
}

impl<'a> Sample<'a> {
    pub(super) fn label(&self, name: &str) -> &'a str {
        let from =
            self.series.split(['{', ',']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix("=\""));
        from.and_then(|value| value.split('"').next()).unwrap_or_default()
    }
}

/// The samples of this name that are about the port.
pub(super) fn at<'a>(all: &'a Samples, name: &str, port: u16) -> impl Iterator<Item = Sample<'a>> {
    let begins = format!("{name}{{");
    let of_name = all.iter().filter(move |(series, _)| series.starts_with(&begins));
    let samples = of_name.map(|(series, value)| Sample { series, value: *value });
    samples.filter(move |sample| sample.label("server_port").parse() == Ok(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_found_by_name_and_port() {
        let series = "a_total{role=\"server\",server_port=\"80\",process=\"x\"}";
        let all = Samples::from([(series.to_owned(), 3.0), ("b".to_owned(), 1.5)]);

        let found: Vec<_> = at(&all, "a_total", 80).collect();

        assert_eq!(found.len(), 1);
        assert!((found[0].value - 3.0).abs() < f64::EPSILON);
        assert_eq!((found[0].label("role"), found[0].label("process")), ("server", "x"));
        assert_eq!(at(&all, "a_total", 81).count() + at(&all, "b", 80).count(), 0);
    }
}
