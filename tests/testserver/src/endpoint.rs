//! One end of a scripted connection.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::SockRef;

use crate::error::{PlayError, Step as _};
use crate::ledger::{Ledger, Part};
use crate::truth::{End, Measured};
use crate::worker::{Pending, Worker};

/// How long a script waits for anything before it gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// What a socket is told when its connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// End of file.
    Fin,
    /// ECONNRESET.
    Reset,
    /// ETIMEDOUT.
    TimedOut,
    /// ECONNABORTED.
    Aborted,
}

/// One end of a connection: a socket, the thread that uses it and the clocks that it sees.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) role: End,
    pub(crate) worker: Arc<Worker>,
    pub(crate) socket: Arc<Mutex<Option<TcpStream>>>,
    pub(crate) ledger: Ledger,
    /// Whether reads are stamped too: only where the ends do not share a ledger.
    pub(crate) stamps_reads: bool,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

impl Endpoint {
    fn start<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Option<TcpStream>, &Ledger) -> Result<T, PlayError> + Send + 'static,
    ) -> Pending<T> {
        let socket = Arc::clone(&self.socket);
        let ledger = self.ledger.clone();
        self.worker.start(move || job(&mut socket.lock().unwrap_or_else(PoisonError::into_inner), &ledger))
    }

    /// Writes these bytes with one system call (or as few as the kernel allows).
    pub(crate) fn send(&self, bytes: Vec<u8>, part: Part) -> Result<(), PlayError> {
        self.start_sending(bytes, part).wait()
    }

    /// Begins to write these bytes.
    pub(crate) fn start_sending(&self, bytes: Vec<u8>, part: Part) -> Pending<()> {
        self.start(move |socket, ledger| {
            let mut stream = open(socket.as_ref())?;
            // Before the call: the peer may be running, and may end the connection, before this thread goes on.
            ledger.payload(Instant::now(), part);
            stream.write_all(&bytes).step("write")
        })
    }

    /// Writes a request and closes right behind it.
    pub(crate) fn send_and_close(&self, bytes: Vec<u8>) -> Result<(), PlayError> {
        self.start(move |socket, ledger| {
            let mut stream = open(socket.as_ref())?;
            ledger.payload(Instant::now(), Part::Begin);
            stream.write_all(&bytes).step("write")?;
            ledger.ended(Instant::now());
            drop(socket.take());
            Ok(())
        })
        .wait()
    }

    /// Reads exactly these bytes.
    pub(crate) fn receive(&self, expected: Vec<u8>, part: Part) -> Result<(), PlayError> {
        let stamps_reads = self.stamps_reads;
        self.start(move |socket, ledger| {
            let mut stream = open(socket.as_ref())?;
            let mut got = vec![0; expected.len()];
            stream.read_exact(&mut got).step("read what the peer has written")?;
            if stamps_reads {
                ledger.payload(Instant::now(), part);
            }
            if got == expected {
                return Ok(());
            }
            Err(strayed("read what the peer has written", &printable(&expected), printable(&got)))
        })
        .wait()
    }

    /// Closes: a FIN, or an RST when bytes are unread.
    pub(crate) fn close(&self) -> Result<(), PlayError> {
        self.start_closing().wait()
    }

    /// Begins to close.
    pub(crate) fn start_closing(&self) -> Pending<()> {
        self.start(|socket, ledger| {
            ledger.ended(Instant::now());
            drop(socket.take());
            Ok(())
        })
    }

    /// Waits for bytes to arrive, then a little, and closes without reading them.
    pub(crate) fn start_closing_unread(&self, after: Duration) -> Pending<()> {
        self.start(move |socket, ledger| {
            poll(open(socket.as_ref())?, PollFlags::IN)?;
            thread::sleep(after);
            ledger.ended(Instant::now());
            drop(socket.take());
            Ok(())
        })
    }

    /// Closes with a linger time of zero: an RST.
    pub(crate) fn reset(&self) -> Result<(), PlayError> {
        self.start(|socket, ledger| {
            SockRef::from(open(socket.as_ref())?)
                .set_linger(Some(Duration::ZERO))
                .step("set the linger time")?;
            ledger.ended(Instant::now());
            drop(socket.take());
            Ok(())
        })
        .wait()
    }

    /// Ends the sending direction only.
    pub(crate) fn close_sending(&self) -> Result<(), PlayError> {
        self.start(|socket, ledger| {
            let stream = open(socket.as_ref())?;
            ledger.ended(Instant::now());
            stream.shutdown(Shutdown::Write).step("shut down the sending direction")
        })
        .wait()
    }

    /// Notes that what happens next, elsewhere, is the end of the connection.
    pub(crate) fn ends_now(&self) {
        self.ledger.ended(Instant::now());
    }

    /// Begins to wait for the peer's FIN or for an error, reading nothing.
    pub(crate) fn start_awaiting_end(&self) -> Pending<()> {
        self.start(|socket, ledger| {
            poll(open(socket.as_ref())?, PollFlags::RDHUP)?;
            ledger.ended(Instant::now());
            Ok(())
        })
    }

    /// Waits for the end of the connection, checks that it is this one, and closes.
    pub(crate) fn finish(&self, ending: Ending) -> Result<(), PlayError> {
        self.start(move |socket, ledger| {
            let stream = open(socket.as_ref())?;
            poll(stream, PollFlags::RDHUP)?;
            ledger.ended(Instant::now());
            let saw = read_to_end(stream).step("learn how the connection ended")?;
            drop(socket.take());
            if saw == ending {
                return Ok(());
            }
            Err(strayed("learn how the connection ended", &format!("{ending:?}"), format!("{saw:?}")))
        })
        .wait()
    }

    /// Changes an option of the socket.
    pub(crate) fn configure(
        &self,
        step: &'static str,
        change: impl FnOnce(SockRef<'_>) -> io::Result<()> + Send + 'static,
    ) -> Result<(), PlayError> {
        self.start(move |socket, _| change(SockRef::from(open(socket.as_ref())?)).step(step)).wait()
    }

    /// Gives the socket away, without closing it.
    pub(crate) fn give_away(&self) -> Result<OwnedFd, PlayError> {
        self.start(|socket, _| socket.take().map(OwnedFd::from).ok_or_else(closed)).wait()
    }

    /// The clocks of this end.
    pub(crate) fn measured(&self) -> Measured {
        self.ledger.measured(self.local, self.remote, self.worker.netns())
    }
}

fn open(socket: Option<&TcpStream>) -> Result<&TcpStream, PlayError> {
    socket.ok_or_else(closed)
}

fn closed() -> PlayError {
    PlayError::Io { step: "use the socket", reason: ErrorKind::NotConnected.into() }
}

fn strayed(step: &'static str, expected: &str, saw: String) -> PlayError {
    PlayError::Strayed { step, expected: expected.to_owned(), saw }
}

fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Waits until the socket is ready for this (or is in error).
pub(crate) fn poll(stream: impl std::os::fd::AsFd, flags: PollFlags) -> Result<(), PlayError> {
    let limit = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    let mut fds = [PollFd::new(&stream, flags)];
    match rustix::event::poll(&mut fds, Some(&limit)).step("wait for the peer")? {
        0 => Err(PlayError::Io { step: "wait for the peer", reason: ErrorKind::TimedOut.into() }),
        _ => Ok(()),
    }
}

fn read_to_end(mut stream: &TcpStream) -> io::Result<Ending> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(Ending::Fin),
            Ok(_) => {}
            Err(error) => {
                return match error.kind() {
                    ErrorKind::Interrupted => continue,
                    ErrorKind::ConnectionReset => Ok(Ending::Reset),
                    ErrorKind::TimedOut => Ok(Ending::TimedOut),
                    ErrorKind::ConnectionAborted => Ok(Ending::Aborted),
                    _ => Err(error),
                };
            }
        }
    }
}
