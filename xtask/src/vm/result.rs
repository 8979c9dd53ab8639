//! What a machine said, as a row of the table.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::Guest;

/// The oldest kernel that must work.
const OLDEST: [u32; 2] = [6, 1];

#[derive(Debug)]
pub(super) struct Outcome {
    version: String,
    machine: String,
    lockdown: String,
    check: Check,
    closes: Vec<Close>,
    selftest_passed: bool,
    took: Duration,
}

#[derive(Debug, Deserialize)]
struct Check {
    works: bool,
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    hook: String,
    status: String,
    detail: String,
}

/// One line of `selftest --json`.
#[derive(Debug, Deserialize)]
struct Close {
    scenario: String,
    outcome: String,
    /// `field: got, want` each, then the evidence.
    differences: Vec<String>,
}

/// What an emulated processor stretches: the scenario's own clock and the kernel's are read apart.
const CLOCKS: [&str; 4] = ["idle_seconds", "silent_seconds", "request_seconds", "age_seconds"];

impl Close {
    fn has_right_verdict(&self) -> bool {
        self.outcome == "right" || self.has_only_a_clock_wrong()
    }

    fn has_only_a_clock_wrong(&self) -> bool {
        let is_clock = |difference: &String| CLOCKS.iter().any(|clock| difference.starts_with(clock));
        self.outcome == "wrong"
            && self.differences.iter().all(|said| is_clock(said) || said.starts_with("evidence: "))
    }
}

impl Outcome {
    pub(super) fn parse(guest: &Guest, log: &str, took: Duration) -> Result<Self> {
        let said = |what: &str| {
            log.lines()
                .find_map(|line| line.trim_end().strip_prefix('@')?.strip_prefix(what)?.strip_prefix(' '))
                .with_context(|| format!("the machine did not say its {what}"))
        };
        let lockdown = said("lockdown")?;
        let lockdown = lockdown.split(['[', ']']).nth(1).unwrap_or(lockdown).to_owned();
        ensure!(
            !guest.lockdown || lockdown == "confidentiality",
            "it was to be locked down, and its lockdown is `{lockdown}`"
        );
        Ok(Self {
            version: version(said("version")?).to_owned(),
            machine: said("machine")?.to_owned(),
            lockdown,
            check: serde_json::from_str(said("check")?).context("read what `check --json` said")?,
            closes: log.lines().filter_map(|line| serde_json::from_str(line.trim_end()).ok()).collect(),
            selftest_passed: said("selftest")? == "0",
            took,
        })
    }

    /// A supported kernel works, and selftest passes on it. Another is refused for a reason that is known.
    pub(super) fn is_right(&self, guest: &Guest) -> bool {
        let line: Vec<u32> = guest.line.split('.').filter_map(|number| number.parse().ok()).collect();
        if line.as_slice() >= &OLDEST[..] {
            let is_right = self.closes.iter().all(Close::has_right_verdict);
            let is_explained = self.selftest_passed || self.closes.iter().any(Close::has_only_a_clock_wrong);
            self.check.works && !self.closes.is_empty() && is_right && is_explained
        } else {
            !self.check.works && self.check.findings.iter().all(|finding| !finding.detail.contains("bug"))
        }
    }

    fn cells(&self) -> [String; 7] {
        let check = if self.check.works {
            let restrictions = self.with("degraded");
            if restrictions.is_empty() {
                "works".to_owned()
            } else {
                format!("without {}", restrictions.join(", "))
            }
        } else {
            "refused".to_owned()
        };
        let count = |which: fn(&Close) -> bool| self.closes.iter().filter(|close| which(close)).count();
        let (right, clocks) = match self.closes.len() {
            0 => ("-".to_owned(), "-".to_owned()),
            all => (
                format!("{} of {all}", count(Close::has_right_verdict)),
                count(Close::has_only_a_clock_wrong).to_string(),
            ),
        };
        [
            self.version.clone(),
            self.machine.clone(),
            self.lockdown.clone(),
            check,
            right,
            clocks,
            format!("{:.0}", self.took.as_secs_f64()),
        ]
    }

    fn with(&self, status: &str) -> Vec<&str> {
        let findings = self.check.findings.iter().filter(|finding| finding.status == status);
        findings.map(|finding| finding.hook.as_str()).collect()
    }

    pub(super) fn line(&self) -> String {
        let wrong = self.closes.iter().filter(|close| !close.has_right_verdict());
        let wrong: Vec<_> =
            wrong.map(|close| format!("; {}: {}", close.scenario, close.differences.join(", "))).collect();
        format!("{}{}", self.cells().join(", "), wrong.concat())
    }
}

/// Debian's version in /proc/version, such as 6.1.192-3.
fn version(text: &str) -> &str {
    let words: Vec<_> = text.split(' ').collect();
    let debian = words.iter().rposition(|word| *word == "Debian").and_then(|at| words.get(at + 1));
    debian.or(words.get(2)).copied().unwrap_or(text)
}

pub(super) fn table(outcomes: &[(Guest, Result<Outcome>)]) -> String {
    let mut text =
        "| kernel | machine | lockdown | `whohungup check` | verdicts right | clocks off | seconds |\n\
                    |---|---|---|---|---|---|---|\n"
            .to_owned();
    for (guest, outcome) in outcomes {
        let row = match outcome {
            Ok(outcome) => outcome.cells().join(" | "),
            Err(error) => format!("{guest} | | | {error:#} | | | "),
        };
        text += &["| ", &row, " |\n"].concat();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "@version Linux version 6.1.0-57-cloud-amd64 (debian@debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0) \
                       #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-3 (2026-11-02)\r\n@machine x86_64\r\n\
                       @lockdown none integrity [confidentiality]\r\n\
                       @check {\"works\":true,\"findings\":[{\"hook\":\"segments\",\"status\":\"degraded\",\"detail\":\"x\"}]}\r\n\
                       {\"scenario\":\"a\",\"outcome\":\"right\",\"differences\":[]}\r\n\
                       {\"scenario\":\"b\",\"outcome\":\"wrong\",\"differences\":[\"age_seconds: 2, want 1\",\"evidence: x\"]}\r\n\
                       @selftest 1\r\n";

    #[test]
    fn a_log_becomes_a_row_and_a_lockdown_that_did_not_take_is_an_error() {
        let guest: Guest = "6.1+lockdown".parse().unwrap();
        let outcome = Outcome::parse(&guest, LOG, Duration::from_secs(61)).unwrap();
        assert!(outcome.is_right(&guest));
        assert!(!outcome.is_right(&"5.10".parse().unwrap()));
        let rows = table(&[(guest.clone(), Ok(outcome))]);
        assert!(
            rows.ends_with("| 6.1.192-3 | x86_64 | confidentiality | without segments | 2 of 2 | 1 | 61 |\n"),
            "{rows}"
        );
        let wrong = LOG.replace("age_seconds", "verdict");
        assert!(!Outcome::parse(&guest, &wrong, Duration::ZERO).unwrap().is_right(&guest));
        let lost = LOG.replace("\"wrong\"", "\"right\"");
        assert!(
            !Outcome::parse(&guest, &lost, Duration::ZERO).unwrap().is_right(&guest),
            "records were lost"
        );
        let open = LOG.replace("[confidentiality]", "confidentiality").replace("none", "[none]");
        assert!(Outcome::parse(&guest, &open, Duration::ZERO).is_err());
        assert!(Outcome::parse(&guest, &LOG.replace("@selftest", ""), Duration::ZERO).is_err());
    }
}
