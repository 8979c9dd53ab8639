//! What an application for Node.js says that it needs: the dependencies in its package.json.

use std::{
    fs::File,
    io::Read as _,
    path::{Component, Path, PathBuf},
};

use procfs::process::Process;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use serde::Deserialize;
use serde_json::{Map, Value};

use whohungup_core::products::keywords::Words;

/// Bytes of a package.json that are read. One that is longer is not.
const MOST_BYTES: u64 = 256 * 1024;
/// Directories above the script in which it is looked for.
const MOST_LEVELS: usize = 16;

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    dependencies: Map<String, Value>,
}

/// Offers the dependencies of the application that `process` runs: `script` is the file that its runtime was reported to
/// run, relative to where the process is.
pub(super) fn offer_dependencies(process: &Process, script: Option<&str>, words: &mut Words<'_>) {
    let Ok(here) = process.cwd() else { return };
    // As the process sees its files, which may be a container's.
    let Ok(root) = process.open_relative("root") else { return };
    let script = script.map(|script| here.join(script));
    let above = script.as_deref().and_then(Path::parent).unwrap_or(&here);
    let package =
        above_modules(above).ancestors().take(MOST_LEVELS).find_map(|directory| read(&root, directory));
    for name in package.iter().flat_map(|package| package.dependencies.keys()) {
        words.offer_dependency(name);
    }
}

/// Without a module's own directory: `/app/node_modules/egg-cluster/lib` belongs to `/app`.
fn above_modules(directory: &Path) -> PathBuf {
    let parts = directory.components();
    parts.take_while(|part| *part != Component::Normal("node_modules".as_ref())).collect()
}

/// `None` when there is none that can be read.
fn read(root: &File, directory: &Path) -> Option<Package> {
    let path = directory.join("package.json");
    let path = path.strip_prefix("/").ok()?;
    // Nothing in there may lead out of it, and nothing but a file may be waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT).ok()?;
    let is_file = FileType::from_raw_mode(fstat(&file).ok()?.st_mode).is_file();
    let mut text = Vec::new();
    File::from(file).take(if is_file { MOST_BYTES } else { 0 }).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
