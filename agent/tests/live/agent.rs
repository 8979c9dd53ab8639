//! The binary, watched from outside.

use std::{
    collections::HashSet,
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::close::Close;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_whohungup");

/// The slowest close to be reported is one that a pool leaves lying: 5 s.
const REPORTED_WITHIN: Duration = Duration::from_secs(15);
const READY_WITHIN: Duration = Duration::from_secs(30);
const ENDED_WITHIN: Duration = Duration::from_secs(10);

/// A running `whohungup watch`. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Agent {
    child: Child,
    at: Vec<SocketAddr>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    complaints: Vec<String>,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: String,
}

impl Agent {
    /// `watch --json`, of which only what `at` is an end of is kept.
    pub(crate) fn watch(at: SocketAddr) -> Self {
        Self::watch_with(at, &[])
    }

    /// The same for any of several addresses.
    pub(crate) fn watch_all(at: &[SocketAddr]) -> Self {
        let ports: Vec<_> = at.iter().map(|at| format!("--port={}", at.port())).collect();
        let options = ports.iter().map(String::as_str);
        let mut agent = Self::start(&["watch", "--json"].into_iter().chain(options).collect::<Vec<_>>());
        agent.at = at.to_vec();
        agent
    }

    /// The same with more options.
    pub(crate) fn watch_with(at: SocketAddr, options: &[&str]) -> Self {
        let port = at.port().to_string();
        let mut agent = Self::start(&[&["watch", "--json", "--port", &port], options].concat());
        agent.at = vec![at];
        agent
    }

    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::spawn(Command::new(BINARY).args(args))
    }

    /// The same for a command that ends up running the agent.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start the agent");
        let stdout = lines(child.stdout.take().expect("piped"));
        let stderr = lines(child.stderr.take().expect("piped"));
        let mut agent = Self { child, at: Vec::new(), stdout, stderr, complaints: Vec::new() };
        let until = Instant::now() + READY_WITHIN;
        loop {
            match agent.stderr.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line == "ready" => return agent,
                Ok(line) => agent.complaints.push(line),
                Err(error) => panic!("the agent is not ready ({error}): {:?}", agent.complaints),
            }
        }
    }

    /// Waits for `count` closes, ends the agent and makes sure that there were no others: each socket
    /// was reported exactly once.
    pub(crate) fn closes(self, count: usize) -> Vec<Close> {
        let at = self.at.clone();
        assert!(!at.is_empty(), "started with `watch`");
        let is_ours = |close: &Close| at.iter().any(|&at| close.touches(at));
        let until = Instant::now() + REPORTED_WITHIN;
        let mut closes = Vec::new();
        while closes.len() < count {
            match self.stdout.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => closes.extend(Some(Close::parse(&line)).filter(is_ours)),
                Err(RecvTimeoutError::Timeout) => panic!("not {count} closes but {closes:#?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the agent ended: {:?}", self.interrupt()),
            }
        }
        let ended = self.interrupt();
        assert!(ended.status.success(), "{ended:?}");
        closes.extend(ended.stdout.iter().map(|line| Close::parse(line)).filter(is_ours));
        let sockets: HashSet<_> = closes.iter().map(Close::socket).collect();
        assert_eq!((closes.len(), sockets.len()), (count, count), "{closes:#?}");
        closes
    }

    /// What it said on stderr before it was ready.
    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// What it has written to stdout by now and the next line, which it must write in time.
    pub(crate) fn next_line(&self) -> String {
        self.stdout.recv_timeout(REPORTED_WITHIN).expect("a line")
    }

    /// As Ctrl-C does; returns what it had not yet said.
    pub(crate) fn interrupt(self) -> Ended {
        self.signal(Signal::INT);
        self.wait()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signal the agent");
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(mut self) -> Ended {
        let status = wait(&mut self.child);
        let mut complaints = std::mem::take(&mut self.complaints);
        complaints.extend(self.stderr.iter());
        Ended { status, stdout: self.stdout.iter().collect(), stderr: complaints.join("\n") }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Waits for a child that should end soon; kills it and panics when it does not.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + ENDED_WITHIN;
    loop {
        if let Some(status) = child.try_wait().expect("wait") {
            return status;
        }
        if Instant::now() > until {
            let _gone = child.kill();
            panic!("process {} does not end", child.id());
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Reads lines on a thread of its own, so that the writer never blocks.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
