//! `whohungup run`: its address, its metrics and its reports.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;

use crate::{Agent, Ended, http, wait};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";
/// So that what else happens on the machine does not fill the table of endpoints.
const ENDPOINTS: &str = "65536";
const COUNTED_WITHIN: Duration = Duration::from_secs(30);

/// Metrics by the names that the tests know them by.
pub mod metric {
    pub const REQUESTS_STARTED: &str = "requests_started_total";
    pub const REQUESTS_COMPLETED: &str = "requests_completed_total";
    pub const CONNECTIONS_PREEXISTING: &str = "connections_preexisting_total";
}

/// Every sample of a scrape by its series.
pub type Samples = HashMap<String, f64>;

/// A running `whohungup run`. Dropping it ends it.
#[derive(Debug)]
pub struct Daemon {
    agent: Agent,
    binary: PathBuf,
    scheme: String,
    address: SocketAddr,
}

impl Daemon {
    /// With room for every endpoint.
    pub fn start(binary: &Path) -> Result<Self> {
        Self::start_by(
            binary,
            Command::new(binary).args(["run", "--listen", "127.0.0.1:0", "--max-endpoints", ENDPOINTS]),
        )
    }

    /// By a command that ends up running it.
    pub fn start_by(binary: &Path, command: &mut Command) -> Result<Self> {
        let says_how_much = ["--overhead-budget", "--config"];
        if !command.get_args().any(|given| says_how_much.iter().any(|option| given == *option)) {
            // What a test sees must not hang on what else the host does: an unoptimised agent is soon over its budget.
            command.env("WHOHUNGUP_OVERHEAD_BUDGET", "100000%");
        }
        let agent = Agent::start(command)?;
        let url = agent.notes().iter().find_map(|line| line.strip_prefix("metrics at "));
        let url = url.and_then(|url| url.strip_suffix("/metrics")).context("the daemon named no address")?;
        let (scheme, address) = url.split_once("://").context("find the scheme of the daemon's address")?;
        let (scheme, address) = (scheme.to_owned(), address.parse().context("parse the daemon's address")?);
        Ok(Self { agent, binary: binary.to_owned(), scheme, address })
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.agent.id()
    }

    /// What it said before it was ready.
    pub fn notes(&self) -> &[String] {
        self.agent.notes()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of it; the path begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.agent.signal(signal)
    }

    /// Waits until it ends by itself.
    pub fn wait(self) -> Result<Ended> {
        self.agent.wait()
    }

    pub fn get(&self, path: &str) -> Result<String> {
        self.get_as(path, OPEN_METRICS)
    }

    pub fn get_as(&self, path: &str, accept: &str) -> Result<String> {
        http::ask(self.address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}"))
    }

    /// All metrics, as a scraper gets them.
    pub fn scrape(&self) -> Result<String> {
        let answer = self.get("/metrics")?;
        // Only OpenMetrics says where it ends.
        ensure!(answer.contains(OPEN_METRICS) && answer.ends_with("# EOF\n"), "no whole scrape: {answer}");
        let (_, text) = answer.split_once("\r\n\r\n").context("find a body")?;
        Ok(text.to_owned())
    }

    pub fn samples(&self) -> Result<Samples> {
        let text = self.scrape()?;
        let samples = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (sample, _exemplar) = line.split_once(" # ").unwrap_or((line, ""));
            let (series, value) = sample.rsplit_once(' ').context("find a value")?;
            Ok((series.to_owned(), value.parse()?))
        });
        samples.collect()
    }

    /// Scrapes until it is as wanted.
    pub fn wait_for(&self, want: impl Fn(&Samples) -> bool) -> Result<Samples> {
        let mut last = Samples::new();
        let found = wait::until("what the metrics should show", COUNTED_WITHIN, || {
            last = self.samples()?;
            Ok(want(&last).then_some(()))
        });
        match found {
            Ok(()) => Ok(last),
            Err(error) => bail!("{error:#}: {last:#?}"),
        }
    }

    /// What it has seen at these ports since it started (none: at all), in the form of this option of `report`.
    pub fn report(&self, form: &str, ports: &[u16]) -> Result<String> {
        let output = Command::new(&self.binary)
            .args(["report", "--from", &self.url(""), form])
            .args(ports.iter().flat_map(|port| ["--port".to_owned(), port.to_string()]))
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("start {}", self.binary.display()))?;
        ensure!(output.status.success(), "the report failed: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).context("read the report")
    }
}

/// Of every series that begins like this.
pub fn sum(samples: &Samples, prefix: &str) -> f64 {
    samples.iter().filter(|(series, _)| series.starts_with(prefix)).map(|(_, value)| value).sum()
}
