//! The file that is written: whole lines or nothing, whatever the disk says.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::directory::Directory;

/// So much text, and it is finished.
const MOST_BYTES: u64 = 16 << 20;
/// So old, and it is finished.
const LONGEST: Duration = Duration::from_hours(1);

#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) path: PathBuf,
    file: File,
    /// Of whole lines.
    bytes: u64,
    opened: Instant,
}

impl OpenFile {
    pub(super) fn create(directory: &Directory, time: Timestamp) -> io::Result<Self> {
        let (path, file) = directory.create(time)?;
        Ok(Self { path, file, bytes: 0, opened: Instant::now() })
    }

    /// Appends `lines` in full, or leaves the file as it was.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        match self.file.write_all(lines) {
            Ok(()) => {
                self.bytes += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a line would spoil the next.
                self.file.set_len(self.bytes)?;
                Err(error)
            }
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.bytes >= MOST_BYTES || self.opened.elapsed() >= LONGEST
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Somebody has removed or replaced it.
    pub(super) fn is_gone(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let same = |a: &std::fs::Metadata, b: &std::fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
        let held = self.file.metadata();
        let named = std::fs::metadata(&self.path);
        !matches!((held, named), (Ok(held), Ok(named)) if same(&held, &named))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
