//! The files of a record: their names, their order, who may write, and what is removed.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use thiserror::Error;

use super::{block, limits::Limits};

const PREFIX: &str = "closes-";
const PLAIN: &str = ".jsonl";
const COMPRESSED: &str = ".jsonl.gz";
const UNFINISHED: &str = ".tmp";
/// Who talks to whom is nobody else's business.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// What can go wrong with a record.
#[derive(Debug, Error)]
pub enum RecordError {
    #[error("the record at {} cannot be {doing}: {source}", path.display())]
    Io { path: PathBuf, doing: &'static str, source: io::Error },
    #[error("another whohungup writes its record to {}; give each a directory of its own", path.display())]
    Taken { path: PathBuf },
}

impl RecordError {
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }
}

/// A file of closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClosesFile {
    pub(super) path: PathBuf,
    pub(super) compressed: bool,
    pub(super) bytes: u64,
    pub(super) changed: SystemTime,
}

/// The files of closes in `directory`, oldest first. What else lies there is left alone.
pub(super) fn files(directory: &Path) -> io::Result<Vec<ClosesFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let compressed = name.ends_with(COMPRESSED);
        if !compressed && !name.ends_with(PLAIN) {
            continue;
        }
        // Removed since it was listed.
        let Ok(metadata) = entry.metadata() else { continue };
        let changed = metadata.modified()?;
        files.push(ClosesFile { path: entry.path(), compressed, bytes: metadata.len(), changed });
    }
    // A name begins with the time of its first line.
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// A directory that this process alone writes to.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    /// Locked for as long as it is open.
    _lock: File,
}

impl Directory {
    /// Makes the directory where there is none, and takes it.
    ///
    /// # Errors
    /// When it cannot be made or written to, or another process has it.
    pub(super) fn take(path: &Path) -> Result<Self, RecordError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(path)
            .map_err(RecordError::io(path, "made"))?;
        let lock = create(&path.join("lock"), false).map_err(RecordError::io(path, "written"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_held| RecordError::Taken { path: path.to_owned() })?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// A new file for closes from `time` on.
    pub(super) fn create(&self, time: Timestamp) -> io::Result<(PathBuf, File)> {
        let path = self.path.join(format!("{PREFIX}{}{PLAIN}", time.strftime("%Y%m%dT%H%M%S.%9fZ")));
        let file = create(&path, true)?;
        Ok((path, file))
    }

    /// Compresses the plain files but for `open`; returns how many lines were no closes (the last of a process that was
    /// killed). A file that cannot be compressed stays as it is.
    pub(super) fn compress(&self, open: Option<&Path>) -> io::Result<u64> {
        let mut broken = 0;
        for file in files(&self.path)?.iter().filter(|file| !file.compressed) {
            if Some(file.path.as_path()) != open {
                broken += compress(&file.path)?;
            }
        }
        Ok(broken)
    }

    /// Removes the oldest files beyond the limits, but for `open`; returns the bytes that are left.
    pub(super) fn trim(&self, limits: &Limits, open: Option<&Path>, now: SystemTime) -> io::Result<Kept> {
        let files = files(&self.path)?;
        let mut kept =
            Kept { bytes: files.iter().map(|file| file.bytes).sum(), files: files.len() as u64, removed: 0 };
        for file in files.iter().filter(|file| Some(file.path.as_path()) != open) {
            let is_old = now.duration_since(file.changed).is_ok_and(|age: Duration| age > limits.age);
            if !is_old && kept.bytes <= limits.bytes {
                continue;
            }
            fs::remove_file(&file.path)?;
            kept.bytes -= file.bytes;
            kept.files -= 1;
            kept.removed += 1;
        }
        Ok(kept)
    }
}

/// What is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) bytes: u64,
    pub(super) files: u64,
    /// Files that went over a limit.
    pub(super) removed: u64,
}

pub(super) fn create(path: &Path, new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).mode(FILE_MODE);
    if new { options.create_new(true) } else { options.create(true) }.open(path)
}

/// A crash leaves either the plain file or the compressed one, or both with the same closes for a moment.
fn compress(plain: &Path) -> io::Result<u64> {
    let lines = fs::read(plain)?;
    let finished = plain.with_extension("jsonl.gz");
    if lines.is_empty() {
        fs::remove_file(plain)?;
        return Ok(0);
    }
    let unfinished = plain.with_extension("jsonl.gz.tmp");
    let written = write_compressed(&unfinished, &lines).inspect_err(|_failed| {
        // It takes room on a full disk.
        drop(fs::remove_file(&unfinished));
    })?;
    fs::rename(&unfinished, finished)?;
    fs::remove_file(plain)?;
    Ok(written)
}

fn write_compressed(path: &Path, lines: &[u8]) -> io::Result<u64> {
    drop(fs::remove_file(path));
    let mut out = create(path, true)?;
    let broken = block::compress(lines, &mut out)?;
    out.sync_data()?;
    Ok(broken)
}

/// Removes what a process that was killed had not finished.
pub(super) fn remove_unfinished(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(PREFIX) && name.ends_with(UNFINISHED) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(bytes: u64) -> Limits {
        Limits { bytes, age: Duration::from_hours(1), rate: 1 }
    }

    #[test]
    fn one_process_alone_writes_and_nobody_else_reads() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/record");
        let taken = Directory::take(&path).expect("free");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o700);
        let (file, _) = taken.create(Timestamp::UNIX_EPOCH).expect("a file");
        assert_eq!(fs::metadata(file).expect("there").permissions().mode() & 0o777, 0o600);
        let error = Directory::take(&path).expect_err("taken").to_string();
        assert!(error.contains("another whohungup") && error.contains("a directory of its own"), "{error}");
    }

    #[test]
    fn the_oldest_files_go_first_and_never_the_open_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let directory = Directory::take(folder.path()).expect("free");
        fs::write(folder.path().join("notes.txt"), [b'x'; 99]).expect("written");
        let paths: Vec<PathBuf> = (0..4)
            .map(|at| {
                let (path, _) =
                    directory.create(Timestamp::from_second(at).expect("a time")).expect("a file");
                fs::write(&path, [b'x'; 100]).expect("written");
                path
            })
            .collect();
        let now = SystemTime::now();
        let kept = directory.trim(&limits(250), Some(&paths[0]), now).expect("trimmed");
        assert_eq!(kept, Kept { bytes: 200, files: 2, removed: 2 });
        let left: Vec<PathBuf> =
            files(folder.path()).expect("listed").into_iter().map(|file| file.path).collect();
        assert_eq!(left, [paths[0].clone(), paths[3].clone()]);
        let later = now + Duration::from_hours(2);
        let kept = directory.trim(&limits(250), Some(&paths[0]), later).expect("trimmed");
        assert_eq!(kept.files, 1);
        assert!(folder.path().join("notes.txt").exists());
    }
}
