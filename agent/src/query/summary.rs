//! Who hung up on whom, how often, and from when to when.

use std::{collections::BTreeMap, fmt};

use jiff::{Timestamp, tz::TimeZone};
use whohungup_core::{
    close::{ClosedConnection, Peer},
    identity::Process,
    labels::{Cause, Closer, Role, Verdict},
    workload::Workload,
};

/// Rows at most; the closes of others are counted together.
const MOST_ROWS: usize = 10_000;
/// Rows shown at most.
const SHOWN: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Summary {
    rows: BTreeMap<Key, Row>,
    others: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    port: Option<u16>,
    role: Role,
    process: String,
    peer: String,
    closer: Closer,
    verdict: Verdict,
    cause: Cause,
}

#[derive(Debug)]
struct Row {
    closes: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Summary {
    pub(super) fn add(&mut self, close: &ClosedConnection) {
        let peer = close.peer.as_ref();
        let key = Key {
            port: close.server_port,
            role: close.role,
            process: who(close.workload.as_ref(), close.process),
            peer: peer.map_or_else(
                || close.ends.remote.ip().to_string(),
                |Peer { workload, process, .. }| who(workload.as_ref(), *process),
            ),
            closer: close.closer,
            verdict: close.verdict,
            cause: close.cause,
        };
        if self.rows.len() >= MOST_ROWS && !self.rows.contains_key(&key) {
            self.others += 1;
            return;
        }
        let time = close.time;
        let row = self.rows.entry(key).or_insert(Row { closes: 0, first: time, last: time });
        row.closes += 1;
        (row.first, row.last) = (row.first.min(time), row.last.max(time));
    }
}

/// The workload, or else the process.
fn who(workload: Option<&Workload>, process: Option<Process>) -> String {
    let process = process.map(|process| process.comm.to_string());
    match (workload, process) {
        (Some(workload), Some(process)) => format!("{workload} ({process})"),
        (Some(workload), None) => workload.to_string(),
        (None, process) => process.unwrap_or_else(|| "?".to_owned()),
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = TimeZone::system();
        let shown = |time: Timestamp| time.to_zoned(zone.clone()).strftime("%m-%d %H:%M:%S").to_string();
        let mut rows: Vec<(&Key, &Row)> = self.rows.iter().collect();
        // What lost requests comes first.
        rows.sort_by_key(|(key, row)| (!key.verdict.is_trouble(), std::cmp::Reverse(row.closes)));
        writeln!(
            f,
            "{:>8}  {:<16} {:<7} {:<18} {:>5} {:<7} {:<24} {:<24} {:<14}  LAST",
            "CLOSES", "VERDICT", "CLOSER", "CAUSE", "PORT", "ROLE", "PROCESS", "PEER", "FIRST"
        )?;
        for (key, row) in rows.iter().take(SHOWN) {
            writeln!(
                f,
                "{:>8}  {:<16} {:<7} {:<18} {:>5} {:<7} {:<24} {:<24} {:<14}  {}",
                row.closes,
                key.verdict,
                key.closer,
                key.cause,
                key.port.map_or("-".to_owned(), |port| port.to_string()),
                key.role,
                key.process,
                key.peer,
                shown(row.first),
                shown(row.last),
            )?;
        }
        let more: u64 = rows.iter().skip(SHOWN).map(|(_, row)| row.closes).sum::<u64>() + self.others;
        if more > 0 {
            writeln!(f, "{more:>8}  in other rows: narrow the filters")?;
        }
        let all: u64 = self.rows.values().map(|row| row.closes).sum::<u64>() + self.others;
        writeln!(f, "{all:>8}  all")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use whohungup_core::{
        labels::Race,
        testing::{raced, server_idle},
    };

    #[test]
    fn what_is_alike_is_one_row_and_losses_come_first() {
        let mut summary = Summary::default();
        (0..5).for_each(|_| summary.add(&server_idle(8080, "node")));
        summary.add(&raced(8080, "node", Race::Stale));
        let text = summary.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].contains("idle-race") && lines[1].trim_start().starts_with('1'), "{text}");
        assert!(lines[2].trim_start().starts_with('5'), "{text}");
        assert_eq!(lines[3].split_whitespace().collect::<Vec<_>>(), ["6", "all"]);
    }
}
