//! Apache httpd with its event MPM.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

/// Where Debian has them.
pub const MODULES: &str = "/usr/lib/apache2/modules";

/// In the foreground.
pub fn in_foreground(mut program: Command, configuration: &Path) -> Command {
    program.arg("-f").arg(configuration).args(["-D", "FOREGROUND"]);
    program
}

/// Makes a directory `files` with a small file, `fast`, and one that no buffer holds, `large`, whose size on the disk is
/// nothing.
pub fn document_root(directory: &Path) -> Result<()> {
    let files = directory.join("files");
    fs::create_dir(&files).context("create the document root")?;
    fs::write(files.join("fast"), "hi").context("write a small file")?;
    stretch(&files.join("large"))
}

/// A file of many bytes.
pub fn stretch(path: &Path) -> Result<()> {
    let file = fs::File::create(path).context("create a large file")?;
    file.set_len(100_000_000).context("stretch a large file")
}
