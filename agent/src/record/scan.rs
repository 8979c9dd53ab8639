//! Reads a record: the closes of a time that a filter lets through.

use std::{collections::HashMap, ops::ControlFlow, path::Path};

use jiff::Timestamp;
use memchr::memmem::Finder;
use whohungup_core::{
    close::{CloseId, ClosedConnection},
    filter::Filter,
};

use super::{
    directory::{self, RecordError},
    gaps::{self, Gap},
    needles::needles,
    units::{Unit, for_each, units},
};

/// From one time to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Interval {
    fn overlaps(&self, unit: &Unit) -> bool {
        let ns = |time: Timestamp| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
        unit.summary
            .as_ref()
            .is_none_or(|summary| summary.last_ns >= ns(self.since) && summary.first_ns <= ns(self.until))
    }

    fn has(&self, close: &ClosedConnection) -> bool {
        (self.since..=self.until).contains(&close.time)
    }
}

/// What is looked for.
#[derive(Debug)]
pub struct Scan<'a> {
    pub directory: &'a Path,
    pub interval: Interval,
    pub filter: &'a Filter,
    /// Only about so many of the newest closes are looked at.
    pub newest: Option<u64>,
}

/// What was read, beside the closes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// When closes of that time were not recorded.
    pub gaps: Vec<Gap>,
    /// Blocks that were read, and those that could be passed over.
    pub read: u64,
    pub passed_over: u64,
    /// Lines, and rests of files, that could not be read.
    pub broken: u64,
}

/// A close and its line.
#[derive(Debug)]
pub struct Found {
    pub close: ClosedConnection,
    pub line: Vec<u8>,
}

/// Where the last word on a close that was amended stands: piece and byte.
type Amended = HashMap<CloseId, (usize, usize)>;

impl Scan<'_> {
    /// Hands over each close that is wanted, in the order in which they were recorded: of one that was amended, the
    /// last word. `take` ends it by `Break`.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn run(&self, mut take: impl FnMut(Found) -> ControlFlow<()>) -> Result<Scanned, RecordError> {
        let failed = || RecordError::io(self.directory, "read");
        let mut scanned = Scanned {
            gaps: gaps::read(self.directory, self.interval.since, self.interval.until),
            ..Scanned::default()
        };
        let mut all = Vec::new();
        for file in directory::files(self.directory).map_err(failed())? {
            // Removed, or compressed, since it was listed: the next question finds it.
            let Ok((pieces, is_broken)) = units(&file) else {
                scanned.broken += 1;
                continue;
            };
            scanned.broken += u64::from(is_broken);
            all.extend(pieces);
        }
        let count = all.len() as u64;
        all.retain(|unit| self.interval.overlaps(unit));
        if let Some(most) = self.newest {
            keep_newest(&mut all, most);
        }
        let amended = amended(&all);
        let may_have = |unit: &Unit| unit.summary.as_ref().is_none_or(|summary| self.may_match(summary));
        let finders: Vec<Finder<'static>> =
            needles(self.filter).iter().map(|needle| Finder::new(needle).into_owned()).collect();
        let mut read = 0;
        for_each(
            &all,
            |at, unit| may_have(unit).then(|| self.search(at, unit, &finders, &amended)),
            |piece| {
                let Some((found, broken)) = piece else { return true };
                read += 1;
                scanned.broken += broken;
                found.into_iter().all(|found| take(found).is_continue())
            },
        );
        scanned.read = read;
        scanned.passed_over = count - read;
        Ok(scanned)
    }

    fn may_match(&self, summary: &super::block::Summary) -> bool {
        let Filter { ports, verdicts, .. } = self.filter;
        (ports.is_empty() || ports.iter().any(|&port| summary.may_have_port(port)))
            && (verdicts.is_empty() || verdicts.iter().any(|&verdict| summary.has_verdict(verdict)))
    }

    /// The closes of one piece, and how many lines were broken.
    fn search(&self, at: usize, unit: &Unit, finders: &[Finder<'_>], amended: &Amended) -> (Vec<Found>, u64) {
        let mut text = Vec::new();
        if unit.read(&mut Vec::new(), &mut text).is_err() {
            return (Vec::new(), 1);
        }
        let mut found = Vec::new();
        let mut broken = 0;
        for_each_line(&text, finders, |begins, line| {
            let Ok(close) = serde_json::from_slice::<ClosedConnection>(line) else {
                broken += 1;
                return;
            };
            let is_last_word = amended.get(&close.id).is_none_or(|&last| last == (at, begins));
            if is_last_word && self.interval.has(&close) && self.filter.has_close(&close) {
                found.push(Found { close, line: line.to_vec() });
            }
        });
        (found, broken)
    }
}

fn keep_newest(units: &mut Vec<Unit>, most: u64) {
    let mut closes = 0;
    let newest = units.iter().rev().take_while(|unit| {
        let begins = closes;
        closes += unit.closes();
        begins < most
    });
    let kept = newest.count();
    units.drain(..units.len() - kept);
}

/// Calls `each` with the lines that hold everything that is looked for, and where they begin.
fn for_each_line(text: &[u8], finders: &[Finder<'_>], mut each: impl FnMut(usize, &[u8])) {
    let Some((first, others)) = finders.split_first() else {
        let mut begins = 0;
        for end in memchr::memchr_iter(b'\n', text) {
            each(begins, &text[begins..end]);
            begins = end + 1;
        }
        return;
    };
    let mut at = 0;
    while let Some(hit) = first.find(&text[at..]) {
        let hit = at + hit;
        let begins = memchr::memrchr(b'\n', &text[..hit]).map_or(0, |end| end + 1);
        let ends = memchr::memchr(b'\n', &text[hit..]).map_or(text.len(), |end| hit + end);
        let line = &text[begins..ends];
        if others.iter().all(|finder| finder.find(line).is_some()) {
            each(begins, line);
        }
        at = (ends + 1).min(text.len());
    }
}

fn amended(units: &[Unit]) -> Amended {
    let finder = Finder::new(br#""amends":true"#);
    let mut amended = Amended::new();
    for_each(
        units,
        |at, unit| {
            let mut ids = Vec::new();
            if unit.summary.as_ref().is_some_and(|summary| !summary.has_amendments()) {
                return ids;
            }
            let mut text = Vec::new();
            // It is counted as broken when it is searched.
            if unit.read(&mut Vec::new(), &mut text).is_ok() {
                for_each_line(&text, std::slice::from_ref(&finder), |begins, line| {
                    if let Ok(close) = serde_json::from_slice::<ClosedConnection>(line)
                        && close.amends
                    {
                        ids.push((close.id, (at, begins)));
                    }
                });
            }
            ids
        },
        |ids| {
            amended.extend(ids);
            true
        },
    );
    amended
}

#[cfg(test)]
mod tests;
