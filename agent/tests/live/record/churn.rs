//! Connections without a pause, while the daemon is stopped, killed, and its disk fails it: every close is in the record
//! once, or in a gap that the record states.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, SystemTime},
};

use harness::{Close, Daemon, Ended, sum};
use jiff::Timestamp;
use rustix::process::Signal;
use whohungup::record::Gap;

use super::{StallingDisk, recording_by};
use crate::{agent::BINARY, gate::require, peer::Dialled};

/// Closes of a round; the environment asks for more.
const CLOSES: &str = "WHOHUNGUP_RECORD_CLOSES";
const FEW: usize = 2_000;
const THREADS: usize = 2;
/// A round takes no less: longer than a close waits to be settled.
const ROUND: Duration = Duration::from_secs(2);

/// What is done to the daemon when half of a round's connections have been made.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Nothing,
    Restart,
    Kill,
    FullDisk,
    StalledDisk,
}

const ROUNDS: [Fault; 10] = [
    Fault::Nothing,
    Fault::Kill,
    Fault::Restart,
    Fault::FullDisk,
    Fault::StalledDisk,
    Fault::Kill,
    Fault::FullDisk,
    Fault::Kill,
    Fault::StalledDisk,
    Fault::Restart,
];

/// Local and remote address.
type Socket = (SocketAddr, SocketAddr);
/// When each end of a connection ended at the latest, and at the earliest.
type Made = HashMap<Socket, Vec<(Timestamp, Timestamp)>>;

fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).expect("a time")
}

/// Makes and ends connections, as many as `left` says for all together, with a pause behind each.
fn connect(listener: &TcpListener, left: &AtomicUsize, pause: Duration) -> Made {
    let mut made = Made::new();
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let mut dialled = Dialled::to(listener);
        dialled.exchange();
        let (local, remote) = dialled.ends();
        let before = now();
        drop(dialled);
        let ended = (before, now());
        for socket in [(local, remote), (remote, local)] {
            made.entry(socket).or_default().push(ended);
        }
        thread::sleep(pause);
    }
    made
}

fn start(directory: &Path) -> Daemon {
    recording_by(directory, &["--record-max-rate", "1000000"])
}

/// Records of the kernel that the daemon counted as lost.
fn lost(daemon: &Daemon) -> f64 {
    let samples = daemon.samples().expect("a scrape");
    sum(&samples, "whohungup_events_lost_total{") + sum(&samples, "whohungup_bpf_program_missed_runs_total{")
}

/// Takes all the room that there is, with this file.
fn fill(disk: &StallingDisk) -> PathBuf {
    let filler = disk.path().join("filler");
    let mut zeros = fs::File::open("/dev/zero").expect("zeros");
    let mut file = fs::File::create(&filler).expect("a file");
    assert!(std::io::copy(&mut zeros, &mut file).is_err(), "the disk is full");
    filler
}

/// Waits until the other threads have made some more.
fn await_progress(left: &AtomicUsize, until: usize) {
    harness::wait::until("connections", Duration::from_mins(10), || {
        Ok((left.load(Ordering::Relaxed) <= until).then_some(()))
    })
    .expect("connections are made");
}

fn play(
    fault: Fault,
    daemon: Daemon,
    disk: &StallingDisk,
    directory: &Path,
    lost_before: &mut f64,
) -> Daemon {
    match fault {
        Fault::Nothing => return daemon,
        Fault::FullDisk => {
            let filler = fill(disk);
            let dropped = "whohungup_record_dropped_total{reason=\"disk\"}";
            daemon.wait_for(|samples| samples[dropped] > 0.0).expect("closes are dropped");
            fs::remove_file(filler).expect("make room");
            return daemon;
        }
        Fault::StalledDisk => {
            disk.freeze();
            thread::sleep(Duration::from_millis(1500));
            disk.thaw();
            return daemon;
        }
        Fault::Restart => {
            *lost_before += lost(&daemon);
            daemon.signal(Signal::TERM).expect("stop it");
            daemon.wait().and_then(Ended::success).expect("a good end");
        }
        Fault::Kill => {
            *lost_before += lost(&daemon);
            daemon.signal(Signal::KILL).expect("kill it");
            assert!(daemon.wait().and_then(Ended::success).is_err());
        }
    }
    start(directory)
}

/// How often each socket's end is in the record; no id comes twice.
fn recorded(directory: &Path, port: u16) -> HashMap<Socket, usize> {
    let mut query = Command::new(BINARY)
        .args(["query", "--json", "--port", &port.to_string(), "--record"])
        .arg(directory)
        .stdout(Stdio::piped())
        .spawn()
        .expect("query");
    let (mut ids, mut found) = (HashSet::new(), HashMap::new());
    for line in BufReader::new(query.stdout.take().expect("its output")).lines() {
        let close = Close::parse(&line.expect("a line")).expect("a close");
        assert!(ids.insert(close.word("id").to_owned()), "twice: {close:?}");
        let (_, local, remote) = close.socket();
        *found.entry((local, remote)).or_default() += 1;
    }
    assert!(query.wait().expect("query").success());
    found
}

fn ends_in(at: &SocketAddr, last: u8) -> bool {
    matches!(at, SocketAddr::V4(at) if at.ip().octets()[..2] == [127, 104] && at.ip().octets()[3] == last)
}

#[test]
fn every_close_is_in_the_record_once_or_in_a_gap_that_it_states() {
    require!();
    let closes = std::env::var(CLOSES).map_or(FEW, |text| text.parse().expect("a number of closes"));
    let disk = StallingDisk::make();
    let directory = disk.path().join("record");
    let mut daemon = start(&directory);
    let (mut made, mut lost_before) = (Made::new(), 0.0);
    let port = harness::port::listen(Ipv4Addr::new(127, 104, 70, 1)).expect("a listener");
    let port = port.local_addr().expect("an address").port();
    for (round, fault) in ROUNDS.into_iter().enumerate() {
        let left = AtomicUsize::new(closes / 2);
        let pause = ROUND * THREADS as u32 / (closes / 2) as u32;
        daemon = thread::scope(|scope| {
            let clients: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let address = Ipv4Addr::new(127, 104, 71 + thread as u8, 1 + round as u8);
                    let listener = TcpListener::bind((address, port)).expect("a listener");
                    let left = &left;
                    scope.spawn(move || connect(&listener, left, pause))
                })
                .collect();
            await_progress(&left, closes / 4);
            let daemon = play(fault, daemon, &disk, &directory, &mut lost_before);
            for client in clients {
                made.extend(client.join().expect("it connects"));
            }
            daemon
        });
        assert!(daemon.get("/readyz").expect("an answer").starts_with("HTTP/1.1 200"), "{fault:?}");
    }
    let rss = daemon.samples().expect("a scrape")["process_resident_memory_bytes"];
    let lost = lost_before + lost(&daemon);
    daemon.signal(Signal::TERM).expect("stop it");
    daemon.wait().and_then(Ended::success).expect("a good end");

    let found = recorded(&directory, port);
    let gaps = fs::read_to_string(directory.join("gaps.jsonl")).expect("gaps");
    let gaps: Vec<Gap> = gaps.lines().map(|line| serde_json::from_str(line).expect("a gap")).collect();
    let is_stated = |at| gaps.iter().any(|gap| (gap.begins()..=gap.until).contains(&at));
    assert!(found.keys().all(|socket| made.contains_key(socket)), "only what was made");
    let (mut missing, mut unexplained) = (0, Vec::new());
    for (socket, times) in &made {
        let times_found = found.get(socket).copied().unwrap_or_default();
        assert!(times_found <= times.len(), "{socket:?} twice");
        let in_gaps = times.iter().filter(|(from, until)| is_stated(*from) || is_stated(*until)).count();
        missing += times.len() - times_found;
        if times.len() - times_found > in_gaps {
            unexplained.push((socket, times));
        }
    }
    let all: usize = made.values().map(Vec::len).sum();
    println!(
        "{all} closes, {missing} missing in {} gaps, {} of them in none; {lost} records lost; {rss} bytes resident",
        gaps.len(),
        unexplained.len()
    );
    assert!(unexplained.len() as f64 <= lost, "{:#?} {gaps:#?}", &unexplained[..unexplained.len().min(5)]);
    let of_round = |socket: &Socket, round: u8| [socket.0, socket.1].iter().any(|at| ends_in(at, round));
    for (round, fault) in ROUNDS.iter().enumerate().filter(|(_, fault)| matches!(fault, Fault::Nothing)) {
        let sockets = made.keys().filter(|socket| of_round(socket, 1 + round as u8));
        let left_out =
            sockets.filter(|socket| found.get(socket).copied() != Some(made[socket].len())).count();
        assert!(left_out as f64 <= lost, "{left_out} of round {round}: {fault:?}");
    }
    assert!(rss < f64::from(200 << 20), "{rss} bytes resident");
}
