//! The file that is written.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::Context as _;
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use tar::{Builder, Header};

/// What the files unpack into.
const FOLDER: &str = "whohungup-debug";
const OWNER_ONLY: u32 = 0o600;

/// Writes `files` as a compressed archive, and returns its size. A file or a link at `path` is not touched.
pub(super) fn write(path: &Path, files: &[(&'static str, Vec<u8>)], now: Timestamp) -> anyhow::Result<usize> {
    let whole = packed(files, now).context("pack the bundle")?;
    let file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path);
    let file = file.with_context(|| format!("create {}", path.display()))?;
    fill(file, &whole).with_context(|| format!("write {}", path.display())).inspect_err(|_| {
        // A part of a bundle is none.
        let _gone_or_not = fs::remove_file(path);
    })?;
    Ok(whole.len())
}

fn fill(mut file: File, whole: &[u8]) -> std::io::Result<()> {
    file.write_all(whole)?;
    file.sync_all()
}

fn packed(files: &[(&'static str, Vec<u8>)], now: Timestamp) -> std::io::Result<Vec<u8>> {
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, bytes) in files {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(OWNER_ONLY);
        header.set_mtime(now.as_second().try_into().unwrap_or_default());
        archive.append_data(&mut header, format!("{FOLDER}/{name}"), bytes.as_slice())?;
    }
    archive.into_inner()?.finish()
}
