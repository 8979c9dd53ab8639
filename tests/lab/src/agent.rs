//! The agent under test: `whohungup watch --json`, and what it says of each close.

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
pub(crate) struct Report {
    pub(crate) time: String,
    pub(crate) role: String,
    pub(crate) closer: String,
    pub(crate) how: String,
    pub(crate) phase: String,
    pub(crate) verdict: String,
    pub(crate) cause: String,
    pub(crate) race: Option<String>,
    pub(crate) masked: bool,
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

impl Report {
    /// What orders reports by time: the fraction of a second has as many digits as it needs.
    pub(crate) fn moment(&self) -> (String, String) {
        let time = self.time.trim_end_matches('Z');
        let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
        (seconds.to_owned(), format!("{fraction:0<9}"))
    }

    /// The verdict, or of a race the kind.
    pub(crate) fn word(&self) -> &str {
        if self.verdict == "idle-race" { self.race.as_deref().unwrap_or("idle-race") } else { &self.verdict }
    }

    /// Whether it replaces what was said of the same socket before.
    pub(crate) fn amends(&self) -> bool {
        self.evidence.first().is_some_and(|first| first.starts_with("amends"))
    }
}

/// What was said, by local and remote address.
#[derive(Debug, Default)]
pub(crate) struct Said {
    sockets: HashMap<(SocketAddr, SocketAddr), Vec<Report>>,
    /// As it was printed, line by line.
    printed: String,
}

#[cfg(test)]
impl FromIterator<Report> for Said {
    fn from_iter<T: IntoIterator<Item = Report>>(reports: T) -> Self {
        let mut said = Self::default();
        reports.into_iter().for_each(|report| said.add(report));
        said
    }
}

impl Said {
    /// What `watch --json` has printed.
    pub(crate) fn read(output: impl Read) -> Result<Self> {
        let said = Mutex::default();
        read_reports(output, &said)?;
        Ok(said.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// All that was printed, what was amended included.
    pub(crate) fn printed(&self) -> &str {
        &self.printed
    }

    pub(crate) fn add(&mut self, report: Report) {
        let reports = self.sockets.entry((report.local, report.remote)).or_default();
        // The same addresses may be in use in several namespaces.
        let amended = |said: &Report| said.netns == report.netns;
        if report.amends()
            && let Some(index) = reports.iter().rposition(amended)
        {
            reports.remove(index);
        }
        reports.push(report);
    }

    /// What stands of each socket.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Report> {
        self.sockets.values().flatten()
    }

    pub(crate) fn of(&self, local: SocketAddr, remote: SocketAddr) -> &[Report] {
        self.sockets.get(&(local, remote)).map_or(&[], Vec::as_slice)
    }
}

/// A running `watch`. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Agent {
    child: Child,
    said: Arc<Mutex<Said>>,
    reader: Option<thread::JoinHandle<Result<()>>>,
    complaints: mpsc::Receiver<String>,
}

impl Agent {
    /// Starts it and waits until its probes are there.
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let mut child = Command::new(binary)
            .args(["watch", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let said = Arc::<Mutex<Said>>::default();
        let stdout = child.stdout.take().context("take the agent's output")?;
        let stderr = child.stderr.take().context("take the agent's messages")?;
        let reader = thread::spawn({
            let said = Arc::clone(&said);
            move || read_reports(stdout, &said)
        });
        let (sender, complaints) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let agent = Self { child, said, reader: Some(reader), complaints };
        agent.await_ready()?;
        Ok(agent)
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
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Said) -> T) -> T {
        at(&self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends it as Ctrl-C does. Returns all that it said, and its closing words.
    pub(crate) fn finish(mut self) -> Result<(Said, Vec<String>)> {
        kill_process(Pid::from_child(&self.child), Signal::INT).context("interrupt the agent")?;
        let reader = self.reader.take().context("wait for the agent once")?;
        reader.join().map_err(|_panic| anyhow::anyhow!("the reader of the agent's output panicked"))??;
        let status = self.child.wait().context("wait for the agent")?;
        if !status.success() {
            bail!("the agent ended with {status}");
        }
        let said = std::mem::take(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((said, self.complaints.iter().collect()))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

fn read_reports(output: impl Read, said: &Mutex<Said>) -> Result<()> {
    for line in BufReader::new(output).lines() {
        let line = line.context("read the agent's output")?;
        let report = serde_json::from_str(&line).with_context(|| format!("parse {line}"))?;
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.add(report);
        said.printed.push_str(&line);
        said.printed.push('\n');
    }
    Ok(())
}

#[cfg(test)]
#[path = "agent_tests.rs"]
pub(crate) mod tests;
