//! Programs under test: each in a process group of its own, ended by that group and by nothing else.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{port, wait};

/// How long a large program takes at most until it listens, on a machine that starts many.
const START_UP: Duration = Duration::from_mins(1);
const ENDED_WITHIN: Duration = Duration::from_secs(20);

/// Between fork and exec a child holds copies of all sockets: what is closed meanwhile is not closed yet.
static FORKING: RwLock<()> = RwLock::new(());

/// Starts a program while no script closes a socket.
pub fn spawn(command: &mut Command) -> Result<Child> {
    let _nothing_closes = FORKING.write().unwrap_or_else(PoisonError::into_inner);
    command.spawn().with_context(|| format!("start {}", command.get_program().display()))
}

/// Closes a socket while no program is started.
pub fn close(socket: TcpStream) {
    let _nothing_starts = FORKING.read().unwrap_or_else(PoisonError::into_inner);
    drop(socket);
}

/// Runs a program to its end, which must be a good one, and returns what it printed.
pub fn run(command: &mut Command) -> Result<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = spawn(command)?.wait_with_output().context("wait for a program")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {said}", output.status);
    String::from_utf8(output.stdout).context("read what a program printed")
}

/// A running program. Dropping it kills it and all that it started.
#[derive(Debug)]
pub struct Program {
    child: Child,
    output: PathBuf,
}

impl Program {
    /// Starts it with its output going to a file in `directory`.
    pub fn start(command: &mut Command, directory: &Path, name: &str) -> Result<Self> {
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

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until something is so, as long as it runs.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        mut found: impl FnMut(&Self) -> Result<Option<T>>,
    ) -> Result<T> {
        let found = wait::until(what, START_UP, || {
            let ended = self.ended()?;
            let found = found(self)?;
            ensure!(found.is_some() || ended.is_none(), "it ended before {what}");
            Ok(found)
        });
        found.with_context(|| self.said())
    }

    /// Waits until it accepts connections, of which it sees one.
    pub fn await_listening(&mut self, at: SocketAddr) -> Result<()> {
        self.wait_for("it listened", |_| Ok(TcpStream::connect(at).ok()))?;
        Ok(())
    }

    /// The same without a connection that it would see. Namespaces count: whoever asks must be where it listens.
    pub fn await_bound(&mut self, port: u16) -> Result<()> {
        self.wait_for("it listened", |_| Ok(port::is_bound(port)?.then_some(())))
    }

    /// What stands behind `before` in a line that it wrote, to the line's end.
    pub fn await_word(&mut self, before: &str) -> Result<String> {
        self.wait_for("it said where it listens", |program| {
            let text = program.text();
            // A line that is being written has no end yet.
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            Ok(whole.lines().find_map(|line| line.strip_prefix(before)).map(|word| word.trim().to_owned()))
        })
    }

    /// How it ended, when it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("look after a program")
    }

    /// Waits until it ends by itself.
    pub fn await_end(&mut self, within: Duration) -> Result<ExitStatus> {
        wait::until("its end", within, || self.ended()).with_context(|| self.said())
    }

    /// A signal to it alone, not to what it started.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        // Not waited for: the id is still its own.
        ensure!(self.ended()?.is_none(), "it has ended; {}", self.said());
        kill_process(Pid::from_child(&self.child), signal).context("signal a program")
    }

    /// Ends it as Ctrl-C does, and waits for its end.
    pub fn interrupt(&mut self, within: Duration) -> Result<ExitStatus> {
        if self.ended()?.is_none() {
            self.signal(Signal::INT)?;
        }
        self.await_end(within)
    }

    /// Ends it as an operator does, so that it closes what it holds by itself.
    pub fn stop(mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.await_end(ENDED_WITHIN)
    }

    /// SIGKILL to it and to all that it started.
    pub fn kill(&mut self) {
        // It was not waited for before, so the id is still its own; an error means that it is gone.
        if let Ok(None) = self.child.try_wait() {
            let _gone = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _status = self.child.wait();
        }
    }

    /// The last lines that it wrote.
    pub fn said(&self) -> String {
        let text = self.text();
        let lines: Vec<_> = text.lines().rev().take(4).collect();
        format!("it said {:?}", lines.into_iter().rev().collect::<Vec<_>>().join(" | "))
    }

    /// All that it wrote.
    pub fn text(&self) -> String {
        fs::read(&self.output).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for a child that should end soon; kills it when it does not.
pub fn await_end(child: &mut Child) -> Result<ExitStatus> {
    let ended =
        wait::until("a program's end", ENDED_WITHIN, || child.try_wait().context("look after a program"));
    if ended.is_err() {
        let _gone = child.kill();
    }
    ended
}
