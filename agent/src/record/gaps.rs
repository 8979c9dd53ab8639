//! When closes were not recorded: `gaps.jsonl` says so beside them, or an empty answer would claim too much.

use std::{
    fmt, fs,
    io::{self, Write as _},
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::directory::create;

const GAPS: &str = "gaps.jsonl";
const STATE: &str = "state.json";
/// The older half of a longer file is thrown away.
const MOST_BYTES: u64 = 1 << 20;

whohungup_core::label_set! {
    /// Why closes were not recorded.
    pub enum GapReason {
        /// The daemon had been stopped.
        Stopped,
        /// The daemon ended without a word: it was killed, or the host went down.
        Killed,
        /// The disk was slower than the closes came.
        Queue,
        /// More closes than the limit allows.
        Rate,
        /// The file could not be written.
        Disk,
    }
}

impl GapReason {
    /// Why a daemon that runs does not record a close.
    pub const DROPPED: [Self; 3] = [Self::Queue, Self::Rate, Self::Disk];
}

/// A time in which closes were not recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from: Timestamp,
    pub until: Timestamp,
    pub reason: GapReason,
    /// `None` where nobody was there to count them.
    pub closes: Option<u64>,
    /// Closes from here to `from` are missing in part: those that were not settled, written or counted yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partly_from: Option<Timestamp>,
}

impl Gap {
    /// Before this nothing is missing.
    pub fn begins(&self) -> Timestamp {
        self.partly_from.map_or(self.from, |partly| partly.min(self.from))
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, until, reason, closes, .. } = self;
        let zone = jiff::tz::TimeZone::system();
        let shown = |time: &Timestamp| time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
        let why = match reason {
            GapReason::Stopped => "the daemon was stopped",
            GapReason::Killed => "the daemon ended without a word",
            GapReason::Queue => "the disk was too slow",
            GapReason::Rate => "they came faster than --record-max-rate",
            GapReason::Disk => "the file could not be written",
        };
        match closes {
            Some(closes) => write!(f, "{closes} closes")?,
            None => f.write_str("the closes")?,
        }
        write!(f, " from {} to {} are missing", shown(from), shown(until))?;
        let begins = self.begins();
        if shown(&begins) != shown(from) {
            write!(f, ", and some since {}", shown(&begins))?;
        }
        write!(f, ": {why}")
    }
}

/// When the daemon was last there.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) alive: Timestamp,
    /// It went as it should, and left nothing behind.
    pub(super) stopped: bool,
    /// What ended before is in the record, or in a gap.
    #[serde(default)]
    pub(super) complete_until: Option<Timestamp>,
}

/// Notes that the daemon is there, or that it goes.
pub(super) fn note_alive(directory: &Path, state: State) -> io::Result<()> {
    let text = serde_json::to_vec(&state)?;
    let (unfinished, path) = (directory.join("state.json.tmp"), directory.join(STATE));
    drop(fs::remove_file(&unfinished));
    create(&unfinished, true)?.write_all(&text)?;
    fs::rename(unfinished, path)
}

/// The gap that ends now, where a daemon was there before.
pub(super) fn gap_before(directory: &Path, now: Timestamp) -> Option<Gap> {
    let state: State = serde_json::from_slice(&fs::read(directory.join(STATE)).ok()?).ok()?;
    let reason = if state.stopped { GapReason::Stopped } else { GapReason::Killed };
    let partly_from = state.complete_until.filter(|_| !state.stopped);
    Some(Gap { from: state.alive, until: now, reason, closes: None, partly_from })
}

pub(super) fn add(directory: &Path, gap: &Gap) -> io::Result<()> {
    let path = directory.join(GAPS);
    if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > MOST_BYTES) {
        let text = fs::read(&path)?;
        let half = text.len() / 2;
        let from = text[half..].iter().position(|&byte| byte == b'\n').map_or(half, |at| half + at + 1);
        fs::write(&path, &text[from..])?;
    }
    let mut line = serde_json::to_vec(gap)?;
    line.push(b'\n');
    create(&path, false)?.write_all(&line)
}

/// The gaps that overlap the time from `since` to `until`.
pub(super) fn read(directory: &Path, since: Timestamp, until: Timestamp) -> Vec<Gap> {
    let text = fs::read(directory.join(GAPS)).unwrap_or_default();
    let gaps = text.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice::<Gap>(line).ok());
    gaps.filter(|gap| gap.begins() <= until && gap.until >= since).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn state(alive: i64, stopped: bool) -> State {
        State { alive: at(alive), stopped, complete_until: None }
    }

    #[test]
    fn a_gap_is_from_the_last_sign_of_life_and_says_how_it_came() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(gap_before(folder.path(), at(1)), None, "nobody was there before");
        note_alive(folder.path(), state(5, false)).expect("written");
        let killed =
            Gap { from: at(5), until: at(9), reason: GapReason::Killed, closes: None, partly_from: None };
        assert_eq!(gap_before(folder.path(), at(9)), Some(killed.clone()));
        note_alive(folder.path(), state(6, true)).expect("written");
        assert_eq!(gap_before(folder.path(), at(9)).expect("a gap").reason, GapReason::Stopped);
        add(folder.path(), &killed).expect("written");
        assert_eq!(read(folder.path(), at(9), at(20)), std::slice::from_ref(&killed));
        assert_eq!(read(folder.path(), at(10), at(20)), []);
        assert!(killed.to_string().contains("are missing: the daemon ended without a word"));
    }

    #[test]
    fn what_a_daemon_had_not_written_when_it_was_killed_belongs_to_the_gap() {
        let folder = tempfile::tempdir().expect("a folder");
        let unsettled = State { complete_until: Some(at(3)), ..state(5, false) };
        note_alive(folder.path(), unsettled).expect("written");
        let gap = gap_before(folder.path(), at(9)).expect("a gap");
        assert_eq!((gap.begins(), gap.from), (at(3), at(5)));
        assert!(gap.to_string().contains(", and some since "), "{gap}");
        add(folder.path(), &gap).expect("written");
        assert_eq!(read(folder.path(), at(1), at(4)), [gap]);
        assert_eq!(read(folder.path(), at(1), at(2)), []);
        note_alive(folder.path(), State { stopped: true, ..unsettled }).expect("written");
        assert_eq!(gap_before(folder.path(), at(9)).expect("a gap").partly_from, None, "all was settled");
    }

    #[test]
    fn a_line_of_an_older_version_is_read() {
        let line = r#"{"from":"2026-11-28T05:20:00Z","until":"2026-11-28T05:21:00Z","reason":"killed","closes":null}"#;
        let gap: Gap = serde_json::from_str(line).expect("a gap");
        assert_eq!((gap.begins(), gap.partly_from), (gap.from, None));
    }

    #[test]
    fn the_list_of_gaps_is_bounded_and_keeps_the_newest() {
        let folder = tempfile::tempdir().expect("a folder");
        let gap = |second| Gap {
            from: at(second),
            until: at(second),
            reason: GapReason::Disk,
            closes: Some(1),
            partly_from: None,
        };
        for second in 0..20_000 {
            add(folder.path(), &gap(second)).expect("written");
        }
        let bytes = fs::metadata(folder.path().join(GAPS)).expect("there").len();
        assert!(bytes <= MOST_BYTES + 200, "{bytes}");
        assert_eq!(read(folder.path(), at(19_999), at(30_000)).len(), 1);
    }
}
