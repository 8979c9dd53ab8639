//! The agent under test: `whohungup watch --json`, and what it reports of each close. Nothing else in the lab knows the
//! names that it writes.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

const READY_WITHIN: Duration = Duration::from_mins(1);

/// One line of `watch --json` (docs/json.md), as far as it is compared.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Close {
    pub(crate) time: String,
    pub(crate) role: String,
    pub(crate) closer: String,
    #[serde(rename = "how")]
    pub(crate) close_type: String,
    pub(crate) phase: String,
    pub(crate) verdict: String,
    pub(crate) cause: String,
    pub(crate) race: Option<String>,
    #[serde(rename = "masked")]
    pub(crate) retried: bool,
    pub(crate) code: String,
    pub(crate) confidence: String,
    pub(crate) basis: String,
    pub(crate) in_flight: Option<u32>,
    /// Answered in full.
    pub(crate) requests: Option<u32>,
    pub(crate) age_seconds: Option<f64>,
    pub(crate) idle_seconds: Option<f64>,
    pub(crate) silent_seconds: Option<f64>,
    pub(crate) request_seconds: Option<f64>,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) process: Option<Process>,
    pub(crate) closed_by: Option<Process>,
    pub(crate) netns: u64,
    pub(crate) evidence: Vec<String>,
}

/// Whose socket it is, or who closed it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: Option<u32>,
    pub(crate) comm: String,
    /// Only of who closed it: it was ending, and of what signal.
    #[serde(default)]
    pub(crate) exiting: bool,
    pub(crate) signal: Option<i32>,
}

impl Close {
    /// What orders closes by time: the fraction of a second has as many digits as it needs.
    pub(crate) fn moment(&self) -> (String, String) {
        let time = self.time.trim_end_matches('Z');
        let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
        (seconds.to_owned(), format!("{fraction:0<9}"))
    }

    /// The verdict, or of a race the kind.
    pub(crate) fn verdict_or_race(&self) -> &str {
        if self.verdict == "idle-race" { self.race.as_deref().unwrap_or("idle-race") } else { &self.verdict }
    }

    /// Whether it replaces what was reported of the same socket before.
    pub(crate) fn amends(&self) -> bool {
        self.evidence.first().is_some_and(|first| first.starts_with("amends"))
    }
}

/// What stands of each socket, by local and remote address.
#[derive(Debug, Default)]
pub(crate) struct Closes {
    sockets: HashMap<(SocketAddr, SocketAddr), Vec<Close>>,
    /// As it was printed, line by line.
    printed: String,
}

impl FromIterator<Close> for Closes {
    fn from_iter<T: IntoIterator<Item = Close>>(all: T) -> Self {
        let mut closes = Self::default();
        all.into_iter().for_each(|close| closes.add(close));
        closes
    }
}

impl Closes {
    /// What `watch --json` has printed.
    pub(crate) fn read(output: impl Read) -> Result<Self> {
        let closes = Mutex::default();
        read_closes(output, &closes)?;
        Ok(closes.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// All that was printed, what was amended included.
    pub(crate) fn printed(&self) -> &str {
        &self.printed
    }

    pub(crate) fn add(&mut self, close: Close) {
        let closes = self.sockets.entry((close.local, close.remote)).or_default();
        // The same addresses may be in use in several namespaces.
        let amended = |before: &Close| before.netns == close.netns;
        if close.amends()
            && let Some(index) = closes.iter().rposition(amended)
        {
            closes.remove(index);
        }
        closes.push(close);
    }

    /// What stands of each socket.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Close> {
        self.sockets.values().flatten()
    }

    pub(crate) fn of(&self, local: SocketAddr, remote: SocketAddr) -> &[Close] {
        self.sockets.get(&(local, remote)).map_or(&[], Vec::as_slice)
    }
}

/// A running `watch`. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Watch {
    child: Child,
    closes: Arc<Mutex<Closes>>,
    reader: Option<thread::JoinHandle<Result<()>>>,
    complaints: mpsc::Receiver<String>,
}

impl Watch {
    /// Starts it and waits until its probes are there.
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let mut child = Command::new(binary)
            .args(["watch", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let closes = Arc::<Mutex<Closes>>::default();
        let stdout = child.stdout.take().context("take the agent's output")?;
        let stderr = child.stderr.take().context("take the agent's messages")?;
        let reader = thread::spawn({
            let closes = Arc::clone(&closes);
            move || read_closes(stdout, &closes)
        });
        let (sender, complaints) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let watch = Self { child, closes, reader: Some(reader), complaints };
        watch.await_ready()?;
        Ok(watch)
    }

    fn await_ready(&self) -> Result<()> {
        let until = Instant::now() + READY_WITHIN;
        let mut notes = Vec::new();
        loop {
            match self.complaints.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line == "ready" => return Ok(()),
                Ok(line) => notes.push(line),
                Err(_ended_or_silent) => bail!("the agent is not ready: {}", notes.join("; ")),
            }
        }
    }

    /// Looks at what was said until now.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Closes) -> T) -> T {
        at(&self.closes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends it as Ctrl-C does. Returns all that it said, and its closing words.
    pub(crate) fn finish(mut self) -> Result<(Closes, Vec<String>)> {
        kill_process(Pid::from_child(&self.child), Signal::INT).context("interrupt the agent")?;
        let reader = self.reader.take().context("wait for the agent once")?;
        reader.join().map_err(|_panic| anyhow::anyhow!("the reader of the agent's output panicked"))??;
        let status = self.child.wait().context("wait for the agent")?;
        if !status.success() {
            bail!("the agent ended with {status}");
        }
        let closes = std::mem::take(&mut *self.closes.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((closes, self.complaints.iter().collect()))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

fn read_closes(output: impl Read, closes: &Mutex<Closes>) -> Result<()> {
    for line in BufReader::new(output).lines() {
        let line = line.context("read the agent's output")?;
        let close = serde_json::from_str(&line).with_context(|| format!("parse {line}"))?;
        let mut closes = closes.lock().unwrap_or_else(PoisonError::into_inner);
        closes.add(close);
        closes.printed.push_str(&line);
        closes.printed.push('\n');
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
