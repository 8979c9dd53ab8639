//! A fixed sequence of reports gives exactly these texts.

use super::{Format, sample};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/metrics/golden");
/// Set to write the texts anew.
const WRITE: &str = "WHOHUNGUP_WRITE_GOLDEN";

#[test]
fn the_same_reports_give_the_same_text_in_both_formats() {
    for (format, name) in [(Format::OpenMetrics, "openmetrics.txt"), (Format::Prometheus, "prometheus.txt")] {
        let (path, now) = (format!("{DIRECTORY}/{name}"), sample::scrape().text(format));
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&path, &now).expect("write the text");
            continue;
        }
        let golden = std::fs::read_to_string(&path).expect("the text");
        for (line, (golden, now)) in golden.lines().zip(now.lines()).enumerate() {
            assert_eq!(golden, now, "{path}:{}: set {WRITE} if this is meant", line + 1);
        }
        assert_eq!(golden, now);
    }
}

#[test]
fn both_formats_have_the_same_series_with_the_same_values() {
    let samples = |format| -> Vec<String> {
        let text = sample::scrape().text(format);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples.map(|line| line.split(" # ").next().unwrap_or(line).to_owned()).collect()
    };
    assert_eq!(samples(Format::OpenMetrics), samples(Format::Prometheus));
}
