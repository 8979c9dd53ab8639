//! Standard output, whatever becomes of it: a full disk, a reader that left, a reader that takes nothing.

use std::{
    io::{self, ErrorKind, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// How often is looked whether the program is to end, while nobody takes anything.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// So many looks after the end was asked for, a reader that takes nothing is given up.
const PATIENCE: u32 = 20;
/// What a pipe takes without waiting once it takes anything: `PIPE_BUF`, limits.h.
const PIECE: usize = 4096;

/// Standard output without a buffer. A write waits for a slow reader, but not beyond `stopped`.
#[derive(Debug)]
pub struct Stdout {
    out: io::Stdout,
    stopped: Arc<AtomicBool>,
}

impl Stdout {
    pub fn until(stopped: &Arc<AtomicBool>) -> Self {
        Self { out: io::stdout(), stopped: Arc::clone(stopped) }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut looks = 0;
        loop {
            match poll(&mut [PollFd::new(&self.out, PollFlags::OUT)], Some(&LOOK)) {
                Ok(0) => {
                    looks = if self.stopped.load(Ordering::Relaxed) { looks + 1 } else { 0 };
                    if looks >= PATIENCE {
                        let text = "its reader takes nothing, and the end was asked for";
                        return Err(io::Error::new(ErrorKind::TimedOut, text));
                    }
                    continue;
                }
                Err(Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            match rustix::io::write(&self.out, &bytes[..bytes.len().min(PIECE)]) {
                Err(Errno::INTR | Errno::AGAIN) => {}
                other => return Ok(other?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The columns of the terminal, where standard output is one.
pub fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

/// What becomes of a command by how its output was written: a reader that left has what it wanted.
///
/// # Errors
/// When it could not be written for another reason.
pub fn printed(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("write to standard output"),
    }
}
