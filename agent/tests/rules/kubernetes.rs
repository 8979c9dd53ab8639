//! The PrometheusRule is the two files of rules, and nothing else.

use std::fs;

use crate::repository::{ALERTS, RULES, path, read};

const MANIFEST: &str = "dashboards/kubernetes/whohungup-rules.yaml";
/// Set to write it anew.
const WRITE: &str = "WHOHUNGUP_WRITE_DOCS";

const HEAD: &str = "\
# Made of dashboards/prometheus/whohungup.rules.yml and whohungup.alerts.yml; change those (docs/alerts.md).
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: whohungup
  labels:
    app.kubernetes.io/name: whohungup
    app.kubernetes.io/component: monitoring
spec:
  groups:
";

fn manifest() -> String {
    let mut text = HEAD.to_owned();
    for file in [RULES, ALERTS] {
        let rules = read(file);
        let (comment, groups) = rules.split_once("groups:\n").expect("groups");
        for line in comment.lines().chain(groups.lines()) {
            let indent = if line.is_empty() {
                ""
            } else if line.starts_with('#') {
                "    "
            } else {
                "  "
            };
            text.extend([indent, line, "\n"]);
        }
    }
    text
}

#[test]
fn the_prometheus_rule_is_made_of_the_files_that_ship() {
    let now = manifest();
    if std::env::var_os(WRITE).is_some() {
        fs::write(path(MANIFEST), &now).expect("write the manifest");
        return;
    }
    let kept = read(MANIFEST);
    for (number, (kept, now)) in kept.lines().zip(now.lines()).enumerate() {
        assert_eq!(kept, now, "{MANIFEST}:{}: set {WRITE} and run this test again", number + 1);
    }
    assert_eq!(kept, now, "{MANIFEST}: set {WRITE} and run this test again");
}
