//! What would make the daemon blind, or a command panic: outputs that nobody takes, signals, a hung thread, no /proc.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use harness::{Daemon, Ended, await_end, wait};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    agent::BINARY,
    gate::require,
    peer::{Dialled, listen},
    privileges::Nobody,
};

const WITHIN: Duration = Duration::from_secs(20);

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("/dev/full")
}

fn ended_with(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.stdin(Stdio::null()).spawn().expect("start");
    let status = await_end(&mut child).expect("an end");
    let said = child.wait_with_output().expect("output").stderr;
    (status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn no_command_panics_where_nothing_can_be_written() {
    require!();
    let commands: [&[&str]; 7] = [
        &["check"],
        &["check", "--json"],
        &["selftest", "stale"],
        &["selftest", "stale", "--json"],
        &["watch", "--for", "1s"],
        &["report", "--for", "1s"],
        &["report", "--for", "1s", "--json"],
    ];
    for args in commands {
        let mut command = Command::new(BINARY);
        command.args(args).stdout(full()).stderr(Stdio::piped());
        let (code, said) = ended_with(command);
        assert_eq!(code, Some(1), "{args:?}: {said}");
        assert!(said.contains("write to standard output") && !said.contains("panicked"), "{args:?}: {said}");
        let mut command = Command::new(BINARY);
        command.args(args).stdout(full()).stderr(full());
        assert_eq!(ended_with(command).0, Some(1), "{args:?}");
        let mut command = Command::new(BINARY);
        command.args(args).stdout(Stdio::null()).stderr(full());
        assert_eq!(ended_with(command).0, Some(0), "{args:?}");
    }
    let mut json = Command::new(BINARY);
    json.args(["watch", "--json", "--for", "1s"]).stdout(Stdio::null()).stderr(full());
    assert_eq!(ended_with(json).0, Some(0));
}

#[test]
fn a_log_that_cannot_be_written_does_not_end_the_daemon_and_has_no_colours() {
    require!();
    let mut command = Command::new(BINARY);
    command.args(["run", "--listen", "127.0.0.1:0"]).env("RUST_LOG", "debug");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("start");
    let mut log = BufReader::new(child.stderr.take().expect("its log"));
    let mut address = None;
    for line in log.by_ref().lines().map_while(Result::ok) {
        assert!(!line.contains('\u{1b}'), "{line:?}");
        if let Some(rest) = line.strip_prefix("metrics at http://") {
            address = rest.strip_suffix("/metrics").map(str::to_owned);
        } else if line == "ready" {
            break;
        }
    }
    drop(log);
    let address = address.expect("an address").parse().expect("an address");
    for _ in 0..3 {
        // Each is a line at this level.
        let answer =
            harness::http::ask(address, "GET /metrics HTTP/1.1\r\nHost: localhost").expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let answer = harness::http::ask(address, "GET /healthz HTTP/1.1\r\nHost: localhost").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("stop it");
    assert_eq!(await_end(&mut child).expect("an end").code(), Some(0));
}

#[test]
fn one_signal_ends_a_watch_whose_reader_takes_nothing() {
    require!();
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    // Its 64 KiB.
    writer.write_all(&vec![0; 1 << 16]).expect("fill it");
    let mut command = Command::new(BINARY);
    let mut child = command.arg("watch").stdout(writer).stderr(Stdio::piped()).spawn().expect("start");
    drop(command);
    let mut said = BufReader::new(child.stderr.take().expect("its words"));
    let mut line = String::new();
    said.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("stop it");
    assert_eq!(await_end(&mut child).expect("an end").code(), Some(1));
    line.clear();
    said.read_line(&mut line).expect("a line");
    assert!(line.contains("takes nothing"), "{line}");
    drop(reader);
}

/// What systemd would be: a socket, and the messages that come there.
struct Manager {
    socket: UnixDatagram,
    _folder: tempfile::TempDir,
    daemon: Child,
    address: String,
}

impl Manager {
    /// Starts the daemon as a unit with `WatchdogSec=` this.
    fn start(watchdog: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(WITHIN)).expect("a timeout");
        let mut command = Command::new(BINARY);
        command.args(["run", "--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", &path);
        command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        let mut daemon = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("start");
        let log = BufReader::new(daemon.stderr.take().expect("its log"));
        let mut lines = log.lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("metrics at http://")?.to_owned()));
        let address = address.expect("an address").replace("/metrics", "");
        thread::spawn(move || lines.for_each(drop));
        Self { socket, _folder: folder, daemon, address }
    }

    fn next(&self) -> Option<String> {
        let mut bytes = [0; 512];
        let length = self.socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    fn await_message(&self, wanted: &str) {
        let until = Instant::now() + WITHIN;
        while Instant::now() < until {
            match self.next() {
                Some(message) if message.starts_with(wanted) => return,
                Some(message) => assert_eq!(message, "WATCHDOG=1\n", "before {wanted}"),
                None => break,
            }
        }
        panic!("{wanted} did not come");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.daemon), signal).expect("signal it");
    }

    fn health(&self) -> String {
        harness::http::ask(
            self.address.parse().expect("an address"),
            "GET /readyz HTTP/1.1\r\nHost: localhost",
        )
        .expect("an answer")
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _gone = self.daemon.kill();
        let _status = self.daemon.wait();
    }
}

#[test]
fn sighup_reads_the_file_again_and_says_what_needs_a_restart() {
    require!();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("whohungup.toml");
    let write = |content: &str| fs::write(&file, content).expect("written");
    write("overhead-budget = \"1%\"\nring-bytes = 65536\n");
    let mut command = Command::new(BINARY);
    command.args(["run", "--listen", "127.0.0.1:0", "--config"]).arg(&file);
    let daemon = Daemon::start_by(Path::new(BINARY), &mut command).expect("it runs");
    let budget = "whohungup_overhead_budget_ratio";
    let samples = daemon.samples().expect("a scrape");
    assert!(
        (samples[budget] - 0.01).abs() < 1e-9
            && (samples["whohungup_ring_buffer_size_bytes"] - 65536.0).abs() < 0.5
    );
    write("overhead-budget = 7\nring-bytes = 4096\nallowed-host = [\"node.example\"]");
    daemon.signal(Signal::HUP).expect("signal it");
    let samples = daemon.wait_for(|samples| (samples[budget] - 0.07).abs() < 1e-9).expect("another budget");
    assert!((samples["whohungup_ring_buffer_size_bytes"] - 65536.0).abs() < 0.5, "as it was");
    let asked = harness::http::ask(daemon.address(), "GET /readyz HTTP/1.1\r\nHost: node.example")
        .expect("an answer");
    assert!(asked.starts_with("HTTP/1.1 200"), "{asked}");
    daemon.signal(Signal::TERM).expect("stop it");
    let ended = daemon.wait().and_then(Ended::success).expect("a good end");
    for part in [
        "SIGHUP: overhead-budget is 7 from now on",
        "SIGHUP: ring-bytes = 4096 takes effect after a restart",
        "SIGHUP: allowed-host is [\"node.example\"] from now on",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }

    write("lisen = \"127.0.0.1:0\"\n");
    let mut command = Command::new(BINARY);
    command.args(["run", "--config"]).arg(&file).stderr(Stdio::piped());
    let (code, said) = ended_with(command);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("whohungup.toml:1:1: unknown key `lisen`; did you mean `listen`?"), "{said}");
}

#[test]
fn systemd_hears_of_each_step_and_sighup_ends_nothing() {
    require!();
    let mut manager = Manager::start(Duration::from_millis(600));
    manager.await_message("READY=1");
    for _ in 0..3 {
        manager.await_message("WATCHDOG=1");
    }
    manager.signal(Signal::HUP);
    manager.await_message("RELOADING=1\nMONOTONIC_USEC=");
    manager.await_message("READY=1");
    assert!(manager.health().starts_with("HTTP/1.1 200"));
    manager.signal(Signal::TERM);
    manager.await_message("STOPPING=1");
    assert_eq!(await_end(&mut manager.daemon).expect("an end").code(), Some(0));
}

/// The thread of this name of a process.
fn thread_of(process: u32, name: &str) -> i32 {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("its threads");
    let is_it = |task: &fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name)
    };
    let task = tasks.flatten().find(is_it).expect("a thread of this name");
    task.file_name().to_string_lossy().parse().expect("a number")
}

/// A thread that stands still, and no other of its process, until this is dropped.
struct Held(Option<(mpsc::Sender<()>, thread::JoinHandle<()>)>);

impl Held {
    fn hold(held: i32) -> Self {
        let (release, is_released) = mpsc::channel::<()>();
        let (holds, is_held) = mpsc::channel();
        // What a thread traces goes on when that thread ends.
        let tracer = thread::spawn(move || {
            let none = std::ptr::null_mut::<libc::c_void>();
            for request in [libc::PTRACE_SEIZE, libc::PTRACE_INTERRUPT] {
                // SAFETY: neither request reads or writes memory of this process: both take null for address and data.
                let outcome = unsafe { libc::ptrace(request, held, none, none) };
                assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
            }
            holds.send(()).expect("somebody waits");
            let _released = is_released.recv();
        });
        is_held.recv().expect("it is held");
        Self(Some((release, tracer)))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some((release, tracer)) = self.0.take() else { return };
        drop(release);
        let _ended = tracer.join();
    }
}

#[test]
fn the_watchdog_is_not_fed_while_the_observer_hangs() {
    const FED_EVERY: Duration = Duration::from_millis(200);
    require!();
    let manager = Manager::start(3 * FED_EVERY);
    manager.await_message("READY=1");
    manager.await_message("WATCHDOG=1");
    // That thread alone: the server's goes on.
    let observer = thread_of(manager.daemon.id(), "observer");
    let held = Held::hold(observer);
    wait::until("an answer that it is stuck", WITHIN, || {
        Ok(manager.health().contains("stuck").then_some(()))
    })
    .expect("stuck");
    manager.socket.set_read_timeout(Some(5 * FED_EVERY)).expect("a timeout");
    // What had been sent before.
    let until = Instant::now() + WITHIN;
    while manager.next().is_some() {
        assert!(Instant::now() < until, "fed by a bystander");
    }
    drop(held);
    manager.socket.set_read_timeout(Some(WITHIN)).expect("a timeout");
    manager.await_message("WATCHDOG=1");
}

#[test]
fn a_missing_privilege_has_a_remedy_and_check_tells_what_it_costs() {
    require!("setpriv");
    let nobody = Nobody::new();
    let mut run = nobody.with(["bpf", "perfmon"]);
    run.args(["run", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped());
    let (code, said) = ended_with(run);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("CAP_NET_ADMIN") && said.lines().count() == 1, "{said}");

    let blind = ["bpf", "perfmon", "net_admin", "sys_admin", "dac_read_search"];
    let checked = nobody.with(blind).arg("check").output().expect("check");
    let table = String::from_utf8_lossy(&checked.stdout);
    for hook in ["network namespaces", "/proc/PID/fd"] {
        let line = table.lines().find(|line| line.starts_with(hook)).expect(hook);
        assert!(line.contains(" degraded ") && line.contains("CAP_SYS_PTRACE"), "{line}");
    }
    let daemon =
        Daemon::start_by(&nobody.binary(), nobody.with(blind).args(["run", "--listen", "127.0.0.1:0"]));
    let daemon = daemon.expect("it runs");
    let samples = daemon.samples().expect("a scrape");
    assert!((samples["whohungup_degraded{reason=\"proc-access\"}"] - 1.0).abs() < 0.5);
}

#[test]
fn without_proc_the_own_namespace_is_followed_and_the_rest_is_said_to_be_missing() {
    require!("unshare");
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    let dialled = Dialled::to(&listener);
    let hidden = "mount -t tmpfs none /proc; exec \"$0\" run --listen 127.0.0.1:0";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", hidden, BINARY]);
    let daemon = Daemon::start_by(Path::new(BINARY), &mut command).expect("it runs");
    let samples = daemon.samples().expect("a scrape");
    assert!((samples["whohungup_degraded{reason=\"proc-access\"}"] - 1.0).abs() < 0.5);
    assert!(samples["whohungup_degraded{reason=\"process-ids\"}"].abs() < 0.5);
    drop(dialled);
    let ends = |samples: &harness::Samples| {
        let ours = format!("server_port=\"{port}\"");
        let is_ours = |name: &&String| name.starts_with("whohungup_closes_total{") && name.contains(&ours);
        samples.keys().filter(is_ours).map(|name| samples[name]).sum::<f64>()
    };
    daemon.wait_for(|samples| ends(samples) >= 2.0).expect("both ends of a connection from before");
    daemon.signal(Signal::TERM).expect("stop it");
    daemon.wait().and_then(Ended::success).expect("a good end");
}
