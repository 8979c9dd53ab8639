//! What becomes of the packages: in a Debian root that is made for it, with a kernel that loads the probes.

mod root;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};

use self::root::Root;
use super::{Release, digest, make, packages, stage::Stage};
use crate::{debian::Apt, process, workspace::Workspace};

/// From `dpkg -i` or `rpm -i` to the first answer.
const AT_MOST_SECONDS: f64 = 60.0;
const UNIT_IS_ON: &str = "etc/systemd/system/multi-user.target.wants/whohungup.service";

pub(super) fn check(workspace: &Workspace, release: &Release, binary: &Path) -> Result<()> {
    ensure!(release.machine.is_here(), "{} packages cannot be tried here", release.machine.name());
    provide()?;
    let dir = workspace.target().join("dist-check");
    let made = Made::new(workspace, release, binary, &dir)?;
    made.are_the_same_again(workspace, release, binary)?;
    let older = Release { version: "0.0.1".to_owned(), machine: release.machine, epoch: release.epoch };
    let older = made.of(&older, &dir.join("older"))?;
    debian(&Root::make(&dir, "deb")?, &made, &older).context("the .deb")?;
    rpm(&Root::make(&dir, "rpm")?, &made, &older).context("the .rpm")?;
    tarball(&made, &dir).context("the tarball")
}

/// What makes packages, and roots to try them in.
fn provide() -> Result<()> {
    let wanted = [("mmdebstrap", "mmdebstrap"), ("rpmbuild", "rpm"), ("unshare", "util-linux")];
    let missing: Vec<_> = wanted
        .iter()
        .filter(|(program, _)| process::find_program(program, &[]).is_none())
        .map(|(_, package)| (*package).to_owned())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let apt = Apt::detect().with_context(|| format!("install {}", missing.join(" ")))?;
    apt.install(&missing, "to try the packages")
}

struct Made {
    dir: PathBuf,
    files: Vec<PathBuf>,
}

impl Made {
    fn new(workspace: &Workspace, release: &Release, binary: &Path, dir: &Path) -> Result<Self> {
        let dir = dir.join("made");
        let files = make(workspace, release, binary, &dir)?;
        Ok(Self { dir, files })
    }

    /// The same files under another version.
    fn of(&self, release: &Release, dir: &Path) -> Result<Self> {
        let _left_over = fs::remove_dir_all(dir);
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        Ok(Self { dir: dir.to_path_buf(), files: packages(release, &self.installed(), dir)? })
    }

    fn are_the_same_again(&self, workspace: &Workspace, release: &Release, binary: &Path) -> Result<()> {
        let again = make(workspace, release, binary, &self.dir.with_file_name("again"))?;
        for (one, other) in self.files.iter().zip(&again) {
            ensure!(digest(one)? == digest(other)?, "two runs made different {}", one.display());
        }
        eprintln!("{} files are the same in two runs", again.len());
        Ok(())
    }

    fn ending(&self, end: &str) -> Result<&Path> {
        let found = self.files.iter().find(|file| file.to_string_lossy().ends_with(end));
        found.map(PathBuf::as_path).with_context(|| format!("nothing that ends with {end} was made"))
    }

    /// What is installed, by its path without the first slash.
    fn installed(&self) -> Stage {
        Stage::at(&self.dir.join("stage"))
    }
}

fn debian(root: &Root, made: &Made, older: &Made) -> Result<()> {
    let before = root.files()?;
    let (new, old) = (root.take(made.ending(".deb")?)?, root.take(older.ending(".deb")?)?);
    let started = Instant::now();
    root.run(&["dpkg", "-i", &new])?;
    answers(root, started)?;
    ensure!(root.has(UNIT_IS_ON), "the unit is not switched on");
    root.run(&["dpkg", "--purge", "whohungup"])?;

    root.run(&["dpkg", "-i", &old])?;
    let config = root.change_config(made)?;
    root.run(&["dpkg", "-i", &new])?;
    config.is_kept()?;
    root.run(&[
        "sh",
        "-c",
        "dpkg --verify whohungup && dpkg -s whohungup | grep '^Status: install ok installed'",
    ])?;
    root.leave_a_record()?;
    root.run(&["dpkg", "--remove", "whohungup"])?;
    config.is_kept()?;
    ensure!(!root.has("usr/bin/whohungup"), "the program is there after its removal");
    root.run(&["dpkg", "--purge", "whohungup"])?;
    nothing_is_left(root, &before)
}

fn rpm(root: &Root, made: &Made, older: &Made) -> Result<()> {
    let (new, old) = (made.ending(".rpm")?, older.ending(".rpm")?);
    let listed = process::output(Command::new("rpm").args(["-qpl"]).arg(new))?;
    for file in made.installed().files()? {
        ensure!(listed.lines().any(|line| line == format!("/{file}")), "{file} is not in the list");
    }
    let rpm = |arguments: &[&str], package: Option<&Path>| {
        let mut command = Command::new("rpm");
        command.arg("--root").arg(root.path()).args(arguments).args(package);
        process::run(&mut command)
    };
    rpm(&["--initdb"], None)?;
    let before = root.files()?;
    // Debian's rpm wants to be asked twice; nothing here provides `/bin/sh`, as its packages are dpkg's.
    let install = ["--force-debian", "--nodeps"];
    rpm(&[&install[..], &["--install"]].concat(), Some(old))?;
    let config = root.change_config(made)?;
    let started = Instant::now();
    rpm(&[&install[..], &["--upgrade"]].concat(), Some(new))?;
    answers(root, started)?;
    config.is_kept()?;
    root.leave_a_record()?;
    rpm(&["--erase", "--force-debian"], Some(Path::new("whohungup")))?;
    for kept in config.saved_by_rpm() {
        fs::remove_file(&kept).with_context(|| format!("remove {}", kept.display()))?;
        // rpm left the folder because of it.
        if let Some(folder) = kept.parent() {
            let _others_are_there = fs::remove_dir(folder);
        }
    }
    nothing_is_left(root, &before)
}

fn tarball(made: &Made, dir: &Path) -> Result<()> {
    process::run(
        Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&made.dir),
    )?;
    let to = dir.join("tarball");
    let _left_over = fs::remove_dir_all(&to);
    fs::create_dir_all(&to).context("make a folder for the tarball")?;
    process::run(
        Command::new("tar")
            .arg("-xzf")
            .arg(made.ending("-linux.tar.gz")?)
            .arg("-C")
            .arg(&to)
            .arg("--strip-components=1"),
    )?;
    let said = process::output(Command::new(to.join("usr/bin/whohungup")).arg("--version"))?;
    ensure!(said.starts_with("whohungup "), "it says {said}");
    fs::remove_dir_all(&to).context("remove what was unpacked")
}

/// `check`, and then one close that is really watched.
fn answers(root: &Root, started: Instant) -> Result<()> {
    root.run(&["whohungup", "check"])?;
    let first = root.first_close()?;
    let took = started.elapsed().as_secs_f64();
    eprintln!("{took:.1} s from the package to the first answer: {first}");
    ensure!(took < AT_MOST_SECONDS, "the first answer came after {took:.1} s");
    Ok(())
}

fn nothing_is_left(root: &Root, before: &[String]) -> Result<()> {
    let after = root.files()?;
    let left: Vec<_> = after.iter().filter(|file| !before.contains(file)).cloned().collect();
    let gone: Vec<_> = before.iter().filter(|file| !after.contains(file)).cloned().collect();
    if left.is_empty() && gone.is_empty() {
        eprintln!("nothing is left behind of {} files that were there", before.len());
        return Ok(());
    }
    bail!("left behind: {}; gone: {}", left.join(", "), gone.join(", "))
}
