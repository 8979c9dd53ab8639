//! `run --record` and `query`: every close once, or counted, whatever happens to the daemon and the disk.

mod churn;

use std::{
    collections::HashSet,
    fs,
    path::Path,
    process::{Command, Output},
};

use harness::{Close, Daemon, Ended, Samples, run, sum};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    agent::BINARY,
    gate::require,
    peer::{Dialled, listen},
};

fn recording(directory: &Path) -> Daemon {
    recording_by(directory, &[])
}

fn recording_by(directory: &Path, options: &[&str]) -> Daemon {
    let mut command = Command::new(BINARY);
    command.args(["run", "--listen", "127.0.0.1:0"]).args(options).arg("--record").arg(directory);
    Daemon::start_by(Path::new(BINARY), &mut command).expect("a daemon")
}

fn ask(directory: &Path, args: &[&str]) -> Output {
    Command::new(BINARY).args(["query", "--record"]).arg(directory).args(args).output().expect("query")
}

/// The ends of connections to `port` that were recorded, and what was said of the others.
fn recorded(directory: &Path, port: u16) -> (Vec<Close>, String) {
    let Output { status, stdout, stderr } = ask(directory, &["--json", "--port", &port.to_string()]);
    let (text, said) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr).into_owned());
    assert!(status.success(), "{said}");
    (text.lines().map(|line| Close::parse(line).expect("a close")).collect(), said)
}

/// Makes and ends so many connections.
fn connections(listener: &std::net::TcpListener, count: usize) {
    for _ in 0..count {
        Dialled::to(listener).exchange();
    }
}

fn ends(samples: &Samples, port: u16) -> f64 {
    let ours = format!("server_port=\"{port}\"");
    let is_ours = |name: &str| name.starts_with("whohungup_closes_total{") && name.contains(&ours);
    samples.iter().filter(|(name, _)| is_ours(name)).map(|(_, count)| count).sum()
}

fn await_ends(daemon: &Daemon, port: u16, count: usize) {
    daemon.wait_for(|samples| ends(samples, port) >= count as f64).expect("both ends of each");
}

/// Connections that a part of a test makes.
const EACH: usize = 200;

#[test]
fn every_close_is_in_the_record_once_over_a_kill_and_a_restart() {
    require!();
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("record");
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    let daemon = recording(&directory);
    connections(&listener, EACH);
    await_ends(&daemon, port, 2 * EACH);
    // It is asked while it is written.
    harness::wait::until("every end on disk", std::time::Duration::from_secs(20), || {
        Ok((recorded(&directory, port).0.len() == 2 * EACH).then_some(()))
    })
    .expect("both ends of each");
    daemon.signal(Signal::KILL).expect("kill it");
    assert!(daemon.wait().and_then(Ended::success).is_err());
    let daemon = recording(&directory);
    assert!(daemon.notes().iter().any(|line| line.contains("ended without a word")), "{:?}", daemon.notes());
    // It takes up what the one before it knew, and counts from zero.
    let model: serde_json::Value =
        serde_json::from_str(&daemon.report("--json", &[port]).expect("a report")).expect("JSON");
    let closes = model["endpoints"].as_array().expect("endpoints").iter().map(|one| one["closes"].as_u64());
    assert_eq!(closes.sum::<Option<u64>>(), Some(2 * EACH as u64), "{model}");
    assert!(model["meta"]["not_observed_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{model}");
    assert!(ends(&daemon.samples().expect("a scrape"), port) < 0.5);
    connections(&listener, EACH);
    await_ends(&daemon, port, 2 * EACH);
    daemon.signal(Signal::TERM).expect("stop it");
    daemon.wait().and_then(Ended::success).expect("a good end");
    let (closes, said) = recorded(&directory, port);
    let ids: HashSet<&str> = closes.iter().map(|close| close.word("id")).collect();
    assert_eq!((closes.len(), ids.len()), (4 * EACH, 4 * EACH));
    assert!(said.contains("the daemon ended without a word"), "{said}");
    let summary = ask(&directory, &["--summary", "--port", &port.to_string()]);
    let summary = String::from_utf8_lossy(&summary.stdout).into_owned();
    assert!(
        summary.lines().last().is_some_and(|line| line.trim() == format!("{}  all", 4 * EACH)),
        "{summary}"
    );
    let report = Command::new(BINARY)
        .args(["report", "--since", "1h", "--port", &port.to_string(), "--record"])
        .arg(&directory)
        .output()
        .expect("report");
    let text = String::from_utf8_lossy(&report.stdout);
    assert!(report.status.success() && text.contains(&port.to_string()), "{text}");
}

/// A file system of its own, with so many bytes.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn of(bytes: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let size = format!("size={bytes}");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()))
            .expect("mount a tmpfs");
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run(Command::new("umount").arg(self.0.path())).expect("unmount it");
    }
}

#[test]
fn a_full_disk_is_counted_and_harms_neither_the_daemon_nor_what_is_there() {
    require!();
    let disk = SmallDisk::of(1 << 20);
    let directory = disk.0.path().join("record");
    let filler = disk.0.path().join("filler");
    let daemon = recording(&directory);
    // Room for a few pages is left.
    fs::write(&filler, vec![0; (1 << 20) - (64 << 10)]).expect("fill the disk");
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    connections(&listener, EACH);
    await_ends(&daemon, port, 2 * EACH);
    let dropped = "whohungup_record_dropped_total{reason=\"disk\"}";
    let samples = daemon.wait_for(|samples| samples[dropped] > 0.0).expect("closes are dropped");
    assert!(samples["whohungup_degraded{reason=\"record-incomplete\"}"] > 0.5);
    assert!(daemon.get("/readyz").expect("an answer").starts_with("HTTP/1.1 200"));
    fs::remove_file(&filler).expect("make room");
    let before = samples["whohungup_record_closes_total"];
    // A disk that failed is tried again after a second.
    let samples = daemon
        .wait_for(|samples| {
            connections(&listener, 1);
            samples["whohungup_record_closes_total"] > before
        })
        .expect("closes are written again");
    let lost = sum(&samples, "whohungup_record_dropped_total{");
    daemon.signal(Signal::TERM).expect("stop it");
    daemon.wait().and_then(Ended::success).expect("a good end");
    let (closes, said) = recorded(&directory, port);
    assert!(said.contains("the file could not be written"), "{said}");
    assert!(!said.contains("could not be read"), "no line is broken: {said}");
    assert!(closes.len() + lost as usize >= 2 * EACH, "{} recorded, {lost} dropped", closes.len());
}

/// An ext4 of its own, which can be told to let nobody write.
struct StallingDisk(TempDir);

impl StallingDisk {
    fn make() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (image, disk) = (folder.path().join("image"), folder.path().join("disk"));
        fs::File::create(&image).and_then(|file| file.set_len(256 << 20)).expect("an image");
        fs::create_dir(&disk).expect("a mount point");
        run(Command::new("mkfs.ext4").arg("-q").arg(&image)).expect("make a file system");
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&disk)).expect("mount it");
        Self(folder)
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("disk")
    }

    fn freeze(&self) {
        run(Command::new("fsfreeze").arg("--freeze").arg(self.path())).expect("freeze it");
    }

    fn thaw(&self) {
        run(Command::new("fsfreeze").arg("--unfreeze").arg(self.path())).expect("thaw it");
    }
}

impl Drop for StallingDisk {
    fn drop(&mut self) {
        // Where a test failed it may be frozen still, and cannot be unmounted then.
        let _ = run(Command::new("fsfreeze").arg("--unfreeze").arg(self.path()));
        run(Command::new("umount").arg("--lazy").arg(self.path())).expect("unmount it");
    }
}

/// More ends than wait for the disk at most.
const STALLED: usize = 5_000;

#[test]
fn a_disk_that_stalls_holds_up_nothing_and_what_found_no_place_is_counted() {
    require!();
    let disk = StallingDisk::make();
    let directory = disk.path().join("record");
    let daemon = recording(&directory);
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    connections(&listener, EACH);
    await_ends(&daemon, port, 2 * EACH);

    disk.freeze();
    connections(&listener, STALLED);
    await_ends(&daemon, port, 2 * (EACH + STALLED));
    let samples = daemon.samples().expect("a scrape");
    let rss = |samples: &Samples| samples["process_resident_memory_bytes"] as u64;
    let (dropped, stalled) =
        (sum(&samples, "whohungup_record_dropped_total{reason=\"queue\""), rss(&samples));
    assert!(dropped > 0.0, "{STALLED} connections fill the queue");
    assert!(samples["whohungup_degraded{reason=\"record-incomplete\"}"] > 0.5);
    assert!(daemon.get("/readyz").expect("an answer").starts_with("HTTP/1.1 200"));
    assert!(stalled < 150 << 20, "{stalled} bytes resident");
    disk.thaw();

    connections(&listener, EACH);
    await_ends(&daemon, port, 2 * (2 * EACH + STALLED));
    daemon.signal(Signal::TERM).expect("stop it");
    daemon.wait().and_then(Ended::success).expect("a good end");
    let (closes, said) = recorded(&directory, port);
    let ids: HashSet<&str> = closes.iter().map(|close| close.word("id")).collect();
    assert_eq!(ids.len(), closes.len(), "none twice");
    println!("{} recorded, {dropped} dropped while the disk stalled; {stalled} bytes resident", closes.len());
    // Others' closes of the host may have been dropped too.
    assert!(
        closes.len() + dropped as usize >= 2 * (2 * EACH + STALLED),
        "{} and {dropped}: {said}",
        closes.len()
    );
    assert!(closes.len() >= 2 * 2 * EACH && said.contains("the disk was too slow"), "{said}");
}

#[test]
fn one_daemon_at_a_time_writes_a_record() {
    require!();
    let folder = tempfile::tempdir().expect("a folder");
    let _first = recording(folder.path());
    let second = Command::new(BINARY)
        .args(["run", "--listen", "127.0.0.1:0", "--record"])
        .arg(folder.path())
        .output()
        .expect("run");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && said.contains("another whohungup writes its record"), "{said}");
}

#[test]
fn a_question_that_cannot_be_answered_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("nowhere");
    for (directory, args, why) in [
        (nowhere.as_path(), &[][..], "whohungup run --record"),
        (folder.path(), &["--since", "soon"], "known are 05:20, yesterday"),
        (folder.path(), &["--since", "now", "--until", "1h"], "is after"),
        (folder.path(), &["--verdict", "lost"], "none of"),
        (folder.path(), &["--json", "--csv"], "cannot be used with"),
    ] {
        let output = ask(directory, args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{args:?}: {said}");
    }
    let nothing = ask(folder.path(), &[]);
    let said = String::from_utf8_lossy(&nothing.stderr);
    assert!(nothing.status.success() && said.contains("no close from"), "{said}");
}
