//! The agent as people have it running: `whohungup run`, asked with `whohungup report --from`.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::report::Model;

const READY_WITHIN: Duration = Duration::from_mins(1);

/// So that what else happens on the machine does not fill the table of endpoints.
const ENDPOINTS: &str = "65536";

/// A running daemon. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Daemon {
    binary: PathBuf,
    child: Child,
    address: String,
}

impl Daemon {
    /// Starts it and waits until its probes are there.
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let mut child = Command::new(binary)
            .args(["run", "--listen", "127.0.0.1:0", "--max-endpoints", ENDPOINTS])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let stderr = child.stderr.take().context("take the daemon's messages")?;
        let mut daemon = Self { binary: binary.to_owned(), child, address: String::new() };
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            // Read to the end also when nobody listens: a full pipe would stop the daemon.
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _nobody_listens = sender.send(line);
            }
        });
        daemon.address = await_ready(&lines)?;
        Ok(daemon)
    }

    /// The URL that it is asked at, without a path.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What it has seen at these ports since it started, for comparison.
    pub(crate) fn report(&self, ports: &[u16]) -> Result<Model> {
        Model::parse(&self.ask("--json", ports)?)
    }

    /// The same for people.
    pub(crate) fn markdown(&self, ports: &[u16]) -> Result<String> {
        self.ask("--markdown", ports)
    }

    fn ask(&self, form: &str, ports: &[u16]) -> Result<String> {
        let output = Command::new(&self.binary)
            .args(["report", "--from", &self.address, form])
            .args(ports.iter().flat_map(|port| ["--port".to_owned(), port.to_string()]))
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("start {}", self.binary.display()))?;
        ensure!(output.status.success(), "the report failed: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).context("read the report")
    }
}

/// Returns the URL that it is asked at.
fn await_ready(lines: &mpsc::Receiver<String>) -> Result<String> {
    let until = Instant::now() + READY_WITHIN;
    let mut notes = Vec::new();
    let mut address = None;
    loop {
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) if line == "ready" => return address.context("the daemon named no address"),
            Ok(line) => {
                let told = line.strip_prefix("metrics at ").and_then(|url| url.strip_suffix("/metrics"));
                address = address.or(told.map(str::to_owned));
                notes.push(line);
            }
            Err(_ended_or_silent) => bail!("the daemon is not ready: {}", notes.join("; ")),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _gone = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _status = self.child.wait();
    }
}
