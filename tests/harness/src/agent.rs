//! A running agent, watched from outside.

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::{spawn, wait};

const READY_WITHIN: Duration = Duration::from_mins(1);
const ENDED_WITHIN: Duration = Duration::from_secs(30);

/// A running `whohungup`, whatever its command. Dropping it ends it.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    notes: Vec<String>,
}

/// What a run left behind: its status, and of its output what was not read before; of stderr what came after `ready`.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<String>,
    pub stderr: String,
}

impl Agent {
    /// Starts it, directly or by a command that ends up running it, and waits until its probes are there.
    pub fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command)?;
        let stdout = Lines::of(child.stdout.take().context("take the agent's output")?);
        let stderr = Lines::of(child.stderr.take().context("take the agent's messages")?);
        let mut agent = Self { child, stdout, stderr, notes: Vec::new() };
        let until = Instant::now() + READY_WITHIN;
        loop {
            match agent.stderr.next(until) {
                Ok(line) if line == "ready" => return Ok(agent),
                Ok(line) => agent.notes.push(line),
                Err(_ended_or_silent) => bail!("the agent is not ready: {}", agent.notes.join("; ")),
            }
        }
    }

    /// What it said on stderr before it was ready.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The next line of its output, which it must have written by `until`.
    pub fn next_line(&self, until: Instant) -> Result<String> {
        self.stdout.next(until).map_err(|error| match error {
            RecvTimeoutError::Timeout => anyhow::anyhow!("the agent wrote no line in time"),
            RecvTimeoutError::Disconnected => {
                anyhow::anyhow!("the agent ended: {}", self.stderr.rest().join("; "))
            }
        })
    }

    /// The lines that it has written by now and that nobody has read.
    pub(crate) fn written(&self) -> Vec<String> {
        self.stdout.lock().try_iter().collect()
    }

    /// Its process, or the one that ended up running it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal).context("signal the agent")
    }

    /// As Ctrl-C does.
    pub fn interrupt(self) -> Result<Ended> {
        self.signal(Signal::INT)?;
        self.wait()
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> Result<Ended> {
        let status = wait::until("the agent's end", ENDED_WITHIN, || Ok(self.child.try_wait()?))?;
        Ok(Ended { status, stdout: self.stdout.rest(), stderr: self.stderr.rest().join("\n") })
    }
}

impl Ended {
    /// An error when it failed.
    pub fn success(self) -> Result<Self> {
        ensure!(self.status.success(), "the agent ended with {}: {}", self.status, self.stderr);
        Ok(self)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Lines that a thread of its own reads, so that the writer never blocks.
#[derive(Debug)]
struct Lines(Mutex<Receiver<String>>);

impl Lines {
    fn of(from: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                // Read to the end also when nobody listens: a full pipe would stop the agent.
                let _nobody_listens = sender.send(line);
            }
        });
        Self(Mutex::new(receiver))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Receiver<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, until: Instant) -> Result<String, RecvTimeoutError> {
        self.lock().recv_timeout(until.saturating_duration_since(Instant::now()))
    }

    /// All until the writer's end.
    fn rest(&self) -> Vec<String> {
        self.lock().iter().collect()
    }
}
