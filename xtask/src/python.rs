//! Virtual environments of Python, for what PyPI has and Debian has not.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{
    debian::{self, Apt},
    process,
};

/// What was installed by name last, a line each.
const INSTALLED: &str = "installed.txt";

/// Whether `install` has put exactly these packages there.
pub(crate) fn has(environment: &Path, packages: &[&str]) -> bool {
    fs::read_to_string(environment.join(INSTALLED))
        .is_ok_and(|text| text.lines().eq(packages.iter().copied()))
}

/// Makes the environment unless it is there, and installs packages into it.
pub(crate) fn install<S: AsRef<str>>(environment: &Path, packages: &[S]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    if !environment.join("bin/pip").is_file() {
        process::run(Command::new(python()?).args(["-m", "venv"]).arg(environment))?;
    }
    let packages: Vec<&str> = packages.iter().map(AsRef::as_ref).collect();
    let mut pip = Command::new(environment.join("bin/python"));
    process::run(pip.args(["-m", "pip", "install", "--quiet"]).args(&packages))?;
    let installed = environment.join(INSTALLED);
    fs::write(&installed, packages.join("\n") + "\n")
        .with_context(|| format!("write {}", installed.display()))
}

/// A Python that can make environments, which Debian's cannot by itself.
fn python() -> Result<std::path::PathBuf> {
    const PACKAGE: &str = "python3-venv";
    let find = || {
        let python = process::find_program("python3", &[])?;
        let probe = ["-c", "import ensurepip, venv"];
        process::output(Command::new(&python).args(probe)).is_ok().then_some(python)
    };
    if let Some(python) = find() {
        return Ok(python);
    }
    match Apt::detect() {
        Some(apt) => apt.install(&[PACKAGE.to_owned()], "that Python needs for environments")?,
        None => bail!("there is no apt; on Debian: {}", debian::install_line(PACKAGE)),
    }
    find().with_context(|| format!("find python3 with {PACKAGE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_has_what_was_installed_and_no_other_version() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(!has(directory.path(), &["a==1"]));

        fs::write(directory.path().join(INSTALLED), "a==1\nb==2\n").expect("a file");

        assert!(has(directory.path(), &["a==1", "b==2"]));
        assert!(!has(directory.path(), &["a==1", "b==3"]));
        assert!(!has(directory.path(), &["a==1"]));
    }
}
