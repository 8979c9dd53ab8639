//! One line of `watch --json`, read as a user's script would read it.

use std::net::SocketAddr;

use serde_json::Value;

use crate::schema;

/// A clock of the agent may be off by this much, seconds.
pub(crate) const CLOCK_TOLERANCE: f64 = 0.020;

#[derive(Clone, Debug)]
pub(crate) struct Close(Value);

impl Close {
    /// Parses a line; panics when it does not have the documented shape.
    pub(crate) fn parse(line: &str) -> Self {
        let value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        schema::check(&value);
        Self(value)
    }

    pub(crate) fn word(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("{name} is no word: {self:?}"))
    }

    pub(crate) fn seconds(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap_or_else(|| panic!("{name} is no number: {self:?}"))
    }

    pub(crate) fn value(&self, path: &str) -> &Value {
        self.0.pointer(path).unwrap_or_else(|| panic!("{path} is missing: {self:?}"))
    }

    /// Namespace, local and remote address: what tells one socket from another.
    pub(crate) fn socket(&self) -> (u64, &str, &str) {
        let netns = self.0["netns"].as_u64().unwrap_or_else(|| panic!("netns is no number: {self:?}"));
        (netns, self.word("local"), self.word("remote"))
    }

    pub(crate) fn touches(&self, at: SocketAddr) -> bool {
        let at = at.to_string();
        self.word("local") == at || self.word("remote") == at
    }

    /// Asserts several words at once and shows the whole close when one differs.
    pub(crate) fn says(&self, expected: &[(&str, &str)]) {
        for (name, want) in expected {
            assert_eq!(self.word(name), *want, "{name} of {:#}", self.0);
        }
    }

    /// What it gives as its reasons, in one text.
    pub(crate) fn evidence(&self) -> String {
        let reasons = self.0["evidence"].as_array().into_iter().flatten();
        reasons.filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
    }

    /// Asserts that the reasons hold all of `parts`.
    pub(crate) fn proves(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.evidence().contains(part), "`{part}` is not among the evidence of {:#}", self.0);
        }
    }

    pub(crate) fn is_held_by(&self, comm: &str) {
        assert_eq!(self.value("/process/comm"), comm, "process of {:#}", self.0);
    }

    /// Asserts the idle clock against what was measured outside.
    pub(crate) fn was_idle_for(&self, truth: f64) {
        let idle = self.seconds("idle_seconds");
        assert!((idle - truth).abs() <= CLOCK_TOLERANCE, "idle {idle} s, in truth {truth} s: {:#}", self.0);
    }
}

/// The only close with this role.
pub(crate) fn at<'a>(closes: &'a [Close], role: &str) -> &'a Close {
    let mut found = closes.iter().filter(|close| close.word("role") == role);
    match (found.next(), found.next()) {
        (Some(close), None) => close,
        _ => panic!("not one {role} among {closes:#?}"),
    }
}

/// The closes at one server and with one role, in the order in which they were told.
pub(crate) fn all_at<'a>(closes: &'a [Close], server: SocketAddr, role: &str) -> Vec<&'a Close> {
    closes.iter().filter(|close| close.touches(server) && close.word("role") == role).collect()
}

/// The only one of those.
pub(crate) fn one_at<'a>(closes: &'a [Close], server: SocketAddr, role: &str) -> &'a Close {
    match all_at(closes, server, role).as_slice() {
        [close] => close,
        others => panic!("not one {role} at {server}: {others:#?}"),
    }
}

/// The only close of the socket with these ends, as that socket sees them.
pub(crate) fn of(closes: &[Close], local: SocketAddr, remote: SocketAddr) -> &Close {
    let (local, remote) = (local.to_string(), remote.to_string());
    closes
        .iter()
        .find(|close| close.word("local") == local && close.word("remote") == remote)
        .unwrap_or_else(|| panic!("no close of {local} to {remote} among {closes:#?}"))
}
