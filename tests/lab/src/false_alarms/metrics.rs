//! The daemon's counters, as Prometheus would scrape them.

use anyhow::{Context as _, Result};

/// Every sample of one scrape.
#[derive(Debug, Default)]
pub(super) struct Scrape(Vec<Sample>);

#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    labels: Vec<(String, String)>,
    pub(super) value: f64,
}

impl Sample {
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }
}

impl Scrape {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| sample(line).with_context(|| format!("parse {line:?}")))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// The samples of this name that are about the port.
    pub(super) fn at<'a>(&'a self, name: &'a str, port: u16) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| {
            sample.name == name && sample.label("server_port").is_some_and(|label| label.parse() == Ok(port))
        })
    }
}

fn sample(line: &str) -> Option<Sample> {
    // What comes behind is an exemplar.
    let (line, _) = line.split_once(" # ").unwrap_or((line, ""));
    let (series, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}')?.split("\",").filter(|label| !label.is_empty()).map(|label| {
        let (name, value) = label.split_once("=\"")?;
        Some((name.to_owned(), value.trim_end_matches('"').to_owned()))
    });
    Some(Sample { name: name.to_owned(), labels: labels.collect::<Option<_>>()?, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_found_by_name_and_port() {
        let text = "# TYPE a counter\na_total{role=\"server\",server_port=\"80\",process=\"x\"} 3\nb 1.5\n";
        let scrape = Scrape::parse(text).unwrap();

        let found: Vec<_> = scrape.at("a_total", 80).collect();

        assert_eq!(found.len(), 1);
        assert!((found[0].value - 3.0).abs() < f64::EPSILON);
        assert_eq!(found[0].label("role"), Some("server"));
        assert_eq!(scrape.at("a_total", 81).count() + scrape.at("b", 80).count(), 0);
    }

    #[test]
    fn what_is_no_sample_is_refused() {
        assert!(Scrape::parse("a{b=\"c\"\n").is_err());
        assert!(Scrape::parse("a x\n").is_err());
    }
}
