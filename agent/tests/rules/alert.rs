//! The alerts, read from the file that ships. That it is YAML, and what Prometheus makes of it, is for `promtool`.

use crate::repository::{ALERTS, read};

/// One alert, as far as the docs repeat it.
#[derive(Debug)]
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) severity: String,
    pub(crate) patience: String,
    pub(crate) runbook: String,
    text: String,
}

impl Alert {
    /// All, in the order of the file.
    pub(crate) fn all() -> Vec<Self> {
        let text = read(ALERTS);
        let alerts: Vec<_> = text.split("- alert: ").skip(1).map(Self::parse).collect();
        assert!(alerts.len() >= 10, "{alerts:#?}");
        alerts
    }

    fn parse(text: &str) -> Self {
        let name = text.lines().next().expect("a name").to_owned();
        let value = |key: &str| {
            let mut found = text.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
            let value = found.next().unwrap_or_else(|| panic!("{name} has no {key}"));
            assert_eq!(found.next(), None, "{name} has two of {key}");
            value.to_owned()
        };
        let (severity, patience, runbook) = (value("severity"), value("for"), value("runbook_url"));
        Self { severity, patience, runbook, text: text.to_owned(), name }
    }

    /// Whether the summary and the description name this label or value of the alert.
    fn tells(&self, what: &str) -> bool {
        let (_, annotations) = self.text.split_once("annotations:").expect("annotations");
        annotations.contains(what)
    }
}

#[test]
fn severities_are_three_and_the_docs_say_what_each_asks_for() {
    let docs = read("docs/alerts.md");
    for alert in Alert::all() {
        assert!(["critical", "warning", "info"].contains(&alert.severity.as_str()), "{alert:?}");
        assert!(docs.contains(&format!("`{}`: ", alert.severity)), "{alert:?}");
    }
}

#[test]
fn the_example_for_alertmanager_names_alerts_that_exist() {
    let example = read("dashboards/prometheus/alertmanager.example.yml");
    let alerts: Vec<_> = Alert::all().into_iter().map(|alert| alert.name).collect();
    let named =
        example.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.starts_with("Whohungup"));
    let named = named.map(|name| assert!(alerts.iter().any(|alert| alert == name), "{name}")).count();
    assert!(named >= 3, "{named}");
}

#[test]
fn every_alert_names_the_service_and_a_figure_or_a_reason() {
    for alert in Alert::all() {
        assert!(alert.tells("summary: ") && alert.tells("description: "), "{}", alert.name);
        assert!(alert.tells("$labels.job") && alert.tells("$labels.instance"), "{}", alert.name);
        let figure = ["$value | humanize", "printf \"%.0f\" $value", "$labels.reason", "more than 5 minutes"];
        assert!(figure.iter().any(|figure| alert.tells(figure)), "{}", alert.name);
        let of_an_endpoint = alert.tells("$labels.process");
        assert_eq!(of_an_endpoint, alert.tells("$labels.server_port"), "{}", alert.name);
        assert_eq!(of_an_endpoint, alert.tells("$labels.role"), "{}", alert.name);
    }
}
