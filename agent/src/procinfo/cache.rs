//! Programs by process, so that /proc is not read at each close.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use procfs::process::Process;

use super::read::read_process;
use whohungup_core::program::Program;

/// Processes that are remembered at most.
const LIMIT: usize = 4096;
/// What is known is believed without a look at /proc for this long.
const BELIEVED: Duration = Duration::from_secs(1);
/// A process is read again after this long, then after twice as long and so on: it may call exec, take a title, or
/// open its libraries late.
const FIRST_AGAIN: Duration = Duration::from_secs(5);
const LAST_AGAIN: Duration = Duration::from_mins(5);
/// A process that is gone or may not be looked at is not asked for again for this long.
const REFUSED_FOR: Duration = Duration::from_secs(30);

/// A bounded cache of what processes are.
#[derive(Debug)]
pub struct ProgramCache {
    entries: HashMap<u32, Entry>,
    limit: usize,
    /// Looks into /proc.
    reads: u64,
    /// Processes that were forgotten because there were too many.
    evicted: u64,
}

#[derive(Debug)]
struct Entry {
    program: Option<Arc<Program>>,
    /// When the process began, in the kernel's ticks since boot: another with its number began later.
    began: u64,
    looked: Instant,
    read: Instant,
    again: Duration,
    used: Instant,
}

impl Default for ProgramCache {
    fn default() -> Self {
        Self::with_limit(LIMIT)
    }
}

impl ProgramCache {
    /// Remembers at most `limit` processes, at least one.
    pub fn with_limit(limit: usize) -> Self {
        Self { entries: HashMap::new(), limit: limit.max(1), reads: 0, evicted: 0 }
    }

    /// What process `pid` (a thread group's leader) is, as seen at `now`; `None` when it is gone or may not be
    /// looked at.
    pub fn get(&mut self, pid: u32, now: Instant) -> Option<Arc<Program>> {
        if let Some(entry) = self.entries.get_mut(&pid) {
            entry.used = now;
            let trusted = if entry.program.is_some() { BELIEVED } else { REFUSED_FOR };
            if now.duration_since(entry.looked) < trusted {
                return entry.program.clone();
            }
        }
        self.look(pid, now)
    }

    /// Looks into /proc since the start.
    pub const fn reads(&self) -> u64 {
        self.reads
    }

    /// Processes that were forgotten because there were too many, since the start.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    fn look(&mut self, pid: u32, now: Instant) -> Option<Arc<Program>> {
        let process = i32::try_from(pid).ok().and_then(|pid| Process::new(pid).ok());
        let began = process.as_ref().and_then(|process| process.stat().ok()).map(|stat| stat.starttime);
        if let Some(entry) = self.entries.get_mut(&pid)
            && entry.program.is_some()
        {
            let same = began == Some(entry.began);
            // What has just ended may still have closes to settle.
            let ended = began.is_none();
            if ended || (same && now.duration_since(entry.read) < entry.again) {
                entry.looked = now;
                return entry.program.clone();
            }
        }
        let before = self.entries.remove(&pid).filter(|entry| began == Some(entry.began));
        self.reads += 1;
        // The directory stays that of one process: another with its number does not show in it.
        let program = process.and_then(|process| read_process(&process)).map(Arc::new);
        let again = before.map_or(FIRST_AGAIN, |entry| (entry.again * 2).min(LAST_AGAIN));
        self.make_room();
        let began = began.unwrap_or(0);
        let entry = Entry { program: program.clone(), began, looked: now, read: now, again, used: now };
        self.entries.insert(pid, entry);
        program
    }

    /// Forgets the eighth that was used least recently when it is full.
    fn make_room(&mut self) {
        if self.entries.len() < self.limit {
            return;
        }
        let mut used: Vec<_> = self.entries.iter().map(|(pid, entry)| (entry.used, *pid)).collect();
        used.sort_unstable();
        for (_, pid) in used.into_iter().take(self.limit.div_ceil(8)) {
            self.entries.remove(&pid);
            self.evicted += 1;
        }
    }
}
