//! Programs under test: each in a process group of its own, ended by that group and by nothing else.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{PoisonError, RwLock},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{listening, wire};

/// How long a large program takes at most until it listens, on a machine that starts many.
const START_UP: Duration = Duration::from_mins(1);

/// Between fork and exec a child holds copies of all sockets: what is closed meanwhile is not closed yet.
static FORKING: RwLock<()> = RwLock::new(());

/// Starts a program while no script closes a socket.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn spawn(command: &mut Command) -> Result<Child> {
    let _nothing_closes = FORKING.write().unwrap_or_else(PoisonError::into_inner);
    command.spawn().with_context(|| format!("start {}", command.get_program().display()))
}

/// Closes a socket while no program is started.
pub(crate) fn close(socket: TcpStream) {
    let _nothing_starts = FORKING.read().unwrap_or_else(PoisonError::into_inner);
    drop(socket);
}

/// A running program. Dropping it kills it and all that it started.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    output: PathBuf,
}

impl Program {
    /// Starts it with its output going to a file in `directory`.
    pub(crate) fn start(command: &mut Command, directory: &Path, name: &str) -> Result<Self> {
        let output = directory.join(format!("{name}.log"));
        let file = File::create(&output).context("create a log file")?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("share the log file")?)
            .stderr(file)
            .process_group(0);
        let child = spawn(command)?;
        Ok(Self { child, output })
    }

    /// Waits until it listens.
    pub(crate) fn await_listening(&mut self, at: SocketAddr) -> Result<()> {
        let child = &mut self.child;
        let listening = wire::await_listening(at, || Ok(child.try_wait()?.is_none()));
        listening.with_context(|| self.said())
    }

    /// Ends it as Ctrl-C does, and waits for its end.
    ///
    /// # Errors
    /// When it takes longer than this.
    pub(crate) fn interrupt(&mut self, within: Duration) -> Result<ExitStatus> {
        let until = Instant::now() + within;
        // It was not waited for before, so the id is still its own.
        if self.ended()?.is_none() {
            kill_process(Pid::from_child(&self.child), Signal::INT).context("interrupt a program")?;
        }
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            ensure!(Instant::now() < until, "it does not end; {}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The same without a connection that it would see. Namespaces count: whoever asks must be where it listens.
    pub(crate) fn await_bound(&mut self, port: u16) -> Result<()> {
        let until = Instant::now() + START_UP;
        while !listening::is_bound(port)? {
            ensure!(self.ended()?.is_none(), "it ended before it listened at port {port}; {}", self.said());
            ensure!(Instant::now() < until, "it does not listen at port {port}; {}", self.said());
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// How it ended, when it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("look after a program")
    }

    /// A signal to it alone, not to what it started.
    pub(crate) fn signal(&mut self, signal: Signal) -> Result<()> {
        // Not waited for: the id is still its own.
        ensure!(self.ended()?.is_none(), "it has ended; {}", self.said());
        kill_process(Pid::from_child(&self.child), signal).context("signal a program")
    }

    /// SIGKILL to it and to all that it started.
    pub(crate) fn kill(&mut self) {
        // It was not waited for before, so the id is still its own; an error means that it is gone.
        if let Ok(None) = self.child.try_wait() {
            let _gone = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _status = self.child.wait();
        }
    }

    /// The last lines that it wrote.
    pub(crate) fn said(&self) -> String {
        let text = self.text();
        let lines: Vec<_> = text.lines().rev().take(4).collect();
        format!("it said {:?}", lines.into_iter().rev().collect::<Vec<_>>().join(" | "))
    }

    /// All that it wrote.
    pub(crate) fn text(&self) -> String {
        fs::read(&self.output).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
