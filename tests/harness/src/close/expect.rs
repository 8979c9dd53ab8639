//! What a test demands of a close; each shows the whole of it when it is not so.
#![expect(clippy::missing_panics_doc, reason = "assertions")]

use serde_json::Value;

use super::Close;

/// A clock of the agent may be off by this much, seconds.
pub const CLOCK_TOLERANCE: f64 = 0.020;

impl Close {
    pub fn word(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_else(|| panic!("{name} is no word: {self:?}"))
    }

    pub fn seconds(&self, name: &str) -> f64 {
        self.json[name].as_f64().unwrap_or_else(|| panic!("{name} is no number: {self:?}"))
    }

    pub fn value(&self, path: &str) -> &Value {
        self.json.pointer(path).unwrap_or_else(|| panic!("{path} is missing: {self:?}"))
    }

    /// Several fields at once, as `verdict=server-idle requests=2 closed_by/signal=null`.
    pub fn says(&self, expected: &str) {
        for field in expected.split_whitespace() {
            let (name, want) = field.split_once('=').unwrap_or_else(|| panic!("{field} is no `name=value`"));
            let said = self.value(&format!("/{name}"));
            let said = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
            assert_eq!(said, want, "{name} of {self:#?}");
        }
    }

    /// What it gives as its reasons, in one text.
    pub fn reasons(&self) -> String {
        self.evidence.join("; ")
    }

    /// The reasons hold all of `parts`.
    pub fn proves(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.reasons().contains(part), "`{part}` is not among the evidence of {self:#?}");
        }
    }

    pub fn is_held_by(&self, comm: &str) {
        assert_eq!(self.value("/process/comm"), comm, "process of {self:#?}");
    }

    /// The idle clock against what was measured outside.
    pub fn was_idle_for(&self, truth: f64) {
        self.was_idle_between((truth, truth));
    }

    /// The same where it was measured from when the response had been read, and from before its request was written: who
    /// measures may have been woken late.
    pub fn was_idle_between(&self, (least, most): (f64, f64)) {
        let idle = self.seconds("idle_seconds");
        let is_right = (least - CLOCK_TOLERANCE..=most + CLOCK_TOLERANCE).contains(&idle);
        assert!(is_right, "idle {idle} s, in truth {least} s to {most} s: {self:#?}");
    }
}
