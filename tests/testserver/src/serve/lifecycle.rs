//! Waiting for a socket, and for the end of the server, at the same time.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

/// Whether the server is stopping, and the means to tell everybody who waits.
#[derive(Debug)]
pub(super) struct Lifecycle {
    stopping: AtomicBool,
    /// Hangs up when the server stops: nothing is ever written.
    alarm: PipeReader,
    quiet: Mutex<Option<PipeWriter>>,
}

/// What came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    Readable,
    TimedOut,
    Stopping,
}

impl Lifecycle {
    pub(super) fn new() -> io::Result<Self> {
        let (alarm, quiet) = io::pipe()?;
        Ok(Self { stopping: AtomicBool::new(false), alarm, quiet: Mutex::new(Some(quiet)) })
    }

    /// Begins the graceful end of the server.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        drop(self.quiet.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Waits for bytes (or a connection), the end of the server or the deadline.
    pub(super) fn wait(&self, socket: impl AsFd, deadline: Option<Instant>) -> io::Result<Readiness> {
        let mut fds = [PollFd::new(&socket, PollFlags::IN), PollFd::new(&self.alarm, PollFlags::IN)];
        poll(&mut fds, deadline)?;
        Ok(match fds.map(|fd| !fd.revents().is_empty()) {
            [_, true] => Readiness::Stopping,
            [true, _] => Readiness::Readable,
            _ => Readiness::TimedOut,
        })
    }
}

/// Waits for bytes or the deadline; returns whether there are any.
pub(super) fn readable(socket: impl AsFd, deadline: Option<Instant>) -> io::Result<bool> {
    let mut fds = [PollFd::new(&socket, PollFlags::IN)];
    poll(&mut fds, deadline)?;
    Ok(!fds[0].revents().is_empty())
}

fn poll(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<()> {
    loop {
        let left = deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() }
        });
        match rustix::event::poll(fds, left.as_ref()) {
            Err(Errno::INTR) => {}
            outcome => return outcome.map(drop).map_err(Into::into),
        }
    }
}
