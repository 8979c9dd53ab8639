//! Pieces of a record that are read by themselves, and how several threads read them.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::PathBuf,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::sync_channel,
    },
    thread,
};

use super::{
    block::{self, LONGEST_HEADER, Summary},
    directory::ClosesFile,
};

/// A block of a finished file, or a file that is not finished.
#[derive(Debug)]
pub(super) struct Unit {
    path: PathBuf,
    at: u64,
    bytes: u64,
    /// `None` where nothing is known of what is in it.
    pub(super) summary: Option<Summary>,
}

/// The pieces of `file`. What lies behind a piece that is broken is left out, which the second value says.
pub(super) fn units(file: &ClosesFile) -> io::Result<(Vec<Unit>, bool)> {
    let unit = |at, bytes, summary| Unit { path: file.path.clone(), at, bytes, summary };
    if !file.compressed {
        return Ok((vec![unit(0, file.bytes, None)], false));
    }
    let opened = File::open(&file.path)?;
    let mut units = Vec::new();
    let mut at = 0;
    while at < file.bytes {
        let mut start = [0; LONGEST_HEADER];
        let read = opened.read_at(&mut start, at)?;
        let Some((summary, length)) = block::read_summary(&start[..read]) else { return Ok((units, true)) };
        units.push(unit(at, u64::from(length), Some(summary)));
        at += u64::from(length);
    }
    Ok((units, at > file.bytes))
}

/// Bytes of a line, about.
const LINE_BYTES: u64 = 1000;

impl Unit {
    /// How many are in it; of a file that is not finished, about.
    pub(super) fn closes(&self) -> u64 {
        self.summary.as_ref().map_or(self.bytes / LINE_BYTES, |summary| u64::from(summary.closes))
    }

    /// Its whole lines; `raw` is room for what is on disk.
    pub(super) fn read(&self, raw: &mut Vec<u8>, text: &mut Vec<u8>) -> io::Result<()> {
        let read = |into: &mut Vec<u8>| {
            into.resize(self.bytes as usize, 0);
            File::open(&self.path)?.read_exact_at(into, self.at)
        };
        if self.summary.is_some() {
            read(raw)?;
            return block::decompress(raw, text);
        }
        read(text)?;
        // The last line may be under way.
        text.truncate(memchr::memrchr(b'\n', text).map_or(0, |end| end + 1));
        Ok(())
    }
}

/// Does `work` on each of `units`, on every processor, and hands the results to `take` in order. `take` ends it by
/// returning false.
pub(super) fn for_each<R: Send>(
    units: &[Unit],
    work: impl Fn(usize, &Unit) -> R + Sync,
    mut take: impl FnMut(R) -> bool,
) {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(units.len());
    let next = AtomicUsize::new(0);
    // No thread runs far ahead of what is taken.
    let (results, done) = sync_channel(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            let (results, next, work) = (results.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(unit) = units.get(at) else { return };
                    // Nobody takes any more.
                    if results.send((at, work(at, unit))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        let mut waiting = BTreeMap::new();
        let mut expected = 0;
        for (at, result) in done {
            waiting.insert(at, result);
            while let Some(result) = waiting.remove(&expected) {
                expected += 1;
                if !take(result) {
                    return;
                }
            }
        }
    });
}
