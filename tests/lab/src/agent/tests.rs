//! Closes written by hand.

use serde_json::{Value, json};

use super::*;

pub(crate) const CLIENT: &str = "127.0.0.1:1000";
pub(crate) const SERVER: &str = "127.0.0.1:80";

/// Names that the agent still writes, by the names of the fields.
const RENAMED: [(&str, &str); 2] = [("close_type", "how"), ("retried", "masked")];

impl Close {
    /// What the server's end says of a client that gave up waiting, with these changes.
    pub(crate) fn sample(changes: &[(&str, Value)]) -> Self {
        let mut close = json!({
            "time": "2026-01-01T00:00:00Z", "role": "server", "closer": "client", "how": "fin", "phase": "waiting",
            "verdict": "premature-hangup", "cause": "unknown", "race": null, "masked": false, "code": "CW",
            "confidence": "exact", "basis": "http", "in_flight": 1, "age_seconds": 1.5, "idle_seconds": null,
            "silent_seconds": 1.0, "request_seconds": 1.0, "local": SERVER, "remote": CLIENT,
            "process": {"pid": 7, "comm": "nginx"}, "closed_by": null, "netns": 7, "evidence": [],
        });
        for (name, value) in changes {
            let written =
                RENAMED.iter().find(|(known, _)| known == name).map_or(*name, |(_, written)| written);
            close[written] = value.clone();
        }
        serde_json::from_value(close).unwrap()
    }
}

#[test]
fn closes_are_ordered_by_their_moment_however_many_digits_it_has() {
    let moment = |time: &str| Close::sample(&[("time", json!(time))]).moment();
    assert!(moment("2026-01-01T00:00:00.5Z") < moment("2026-01-01T00:00:00.512Z"));
    assert!(moment("2026-01-01T00:00:00Z") < moment("2026-01-01T00:00:00.000001Z"));
    assert!(moment("2026-01-01T00:00:09.9Z") < moment("2026-01-01T00:00:10Z"));
}
