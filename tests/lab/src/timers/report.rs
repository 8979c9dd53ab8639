//! `whohungup report --json`: what many closes show together.

use std::{
    io::Read as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::report::Model;

const READY_WITHIN: Duration = Duration::from_mins(1);

/// A running `report`, which is asked for what it has at the end.
#[derive(Debug)]
pub(super) struct Recorder {
    child: Child,
    output: Option<JoinHandle<std::io::Result<String>>>,
    complaints: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    /// Starts it and waits until it says that it is ready. What else happens on the machine is left out: it could fill
    /// the table of endpoints.
    pub(super) fn start(binary: &Path, ports: impl Iterator<Item = u16>) -> Result<Self> {
        let mut child = Command::new(binary)
            .args(["report", "--json", "--for", "1h"])
            .args(ports.flat_map(|port| ["--port".to_owned(), port.to_string()]))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let mut stdout = child.stdout.take().context("take the report")?;
        let mut stderr = child.stderr.take().context("take the report's messages")?;
        let output = thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).map(|_| text)
        });
        let complaints = Arc::<Mutex<Vec<u8>>>::default();
        thread::spawn({
            let complaints = Arc::clone(&complaints);
            move || {
                let mut some = [0; 4096];
                while let Ok(read @ 1..) = stderr.read(&mut some) {
                    complaints.lock().unwrap_or_else(PoisonError::into_inner).extend(&some[..read]);
                }
            }
        });
        let mut recorder = Self { child, output: Some(output), complaints };
        recorder.await_ready()?;
        Ok(recorder)
    }

    fn await_ready(&mut self) -> Result<()> {
        let until = Instant::now() + READY_WITHIN;
        while !self.complained().contains("ready") {
            if let Some(status) = self.child.try_wait().context("look after the report")? {
                bail!("the report ended at once with {status}: {}", self.complained());
            }
            ensure!(Instant::now() < until, "the report does not record: {}", self.complained());
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn complained(&self) -> String {
        String::from_utf8_lossy(&self.complaints.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Ends the recording as Ctrl-C does.
    pub(super) fn finish(mut self) -> Result<Model> {
        kill_process(Pid::from_child(&self.child), Signal::INT).context("interrupt the report")?;
        let output = self.output.take().context("wait for the report once")?;
        let text = output.join().map_err(|_panic| anyhow::anyhow!("the report's reader panicked"))??;
        let status = self.child.wait().context("wait for the report")?;
        ensure!(status.success(), "the report ended with {status}: {}", self.complained());
        Model::parse(&text)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
