//! A socket in a script's hand, and every byte that went over it.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::SockRef;

use crate::{
    oracle::{State, Talk},
    truth::{CloseType, Side},
};

/// How long a script waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// From a script's last step to the end of the connection: longer than what counts as a race or as the
/// end of the exchange itself (0.1 s).
pub(crate) const SETTLE: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    side: Side,
    talk: Talk,
    ended: Option<CloseType>,
}

impl Wire {
    pub(crate) fn dial(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).with_context(|| format!("connect to {to}"))?;
        Self::new(stream, Side::Client)
    }

    /// Takes a connection that was made; `side` is this end of it.
    pub(crate) fn new(stream: TcpStream, side: Side) -> Result<Self> {
        stream.set_nodelay(true).context("set TCP_NODELAY")?;
        // A scripted server holds out for longer than any script that it is a part of.
        let patience = if side == Side::Server { 3 * PATIENCE } else { PATIENCE };
        stream.set_read_timeout(Some(patience)).context("set a read timeout")?;
        stream.set_write_timeout(Some(PATIENCE)).context("set a write timeout")?;
        Ok(Self { stream, side, talk: Talk::default(), ended: None })
    }

    pub(crate) fn local(&self) -> Result<SocketAddr> {
        self.stream.local_addr().context("read the local address")
    }

    pub(crate) fn state(&self) -> State {
        self.talk.state()
    }

    pub(crate) fn talk(&self) -> &Talk {
        &self.talk
    }

    /// Writes all of it, with one system call as far as the kernel takes it so.
    pub(crate) fn send(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let written = match self.stream.write(bytes) {
                Ok(written) => written,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    // An RST is told once, here or to a read; after a FIN it is EPIPE.
                    match error.kind() {
                        ErrorKind::ConnectionReset => self.ended = Some(CloseType::Rst),
                        ErrorKind::BrokenPipe => self.ended = Some(CloseType::Fin),
                        _ => {}
                    }
                    return Err(error).context("write");
                }
            };
            match self.side {
                Side::Client => self.talk.asked.extend_from_slice(&bytes[..written]),
                Side::Server => self.talk.answered.extend_from_slice(&bytes[..written]),
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Writes so many zero bytes, or as many as the peer takes.
    pub(crate) fn fill(&mut self, count: usize) -> Result<()> {
        let blocked = Some(Duration::from_millis(200));
        self.stream.set_write_timeout(blocked).context("set a write timeout")?;
        let block = vec![0; 64 << 10];
        let mut left = count;
        while left > 0 && self.send(&block[..left.min(block.len())]).is_ok() {
            left = left.saturating_sub(block.len());
        }
        self.stream.set_write_timeout(Some(PATIENCE)).context("set a write timeout")
    }

    /// Reads once; false at the peer's end.
    pub(crate) fn read(&mut self) -> Result<bool> {
        if self.ended.is_some() {
            return Ok(false);
        }
        let mut some = [0; 16 << 10];
        let read = loop {
            match self.stream.read(&mut some) {
                Ok(0) => {
                    self.ended = Some(CloseType::Fin);
                    return Ok(false);
                }
                Ok(read) => break read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    self.ended = Some(CloseType::Rst);
                    return Ok(false);
                }
                Err(error) => return Err(error).context("read"),
            }
        };
        match self.side {
            Side::Client => self.talk.answered.extend_from_slice(&some[..read]),
            Side::Server => self.talk.asked.extend_from_slice(&some[..read]),
        }
        Ok(true)
    }

    /// Reads until the conversation has come so far; an error when the peer ends it before.
    pub(crate) fn read_until(&mut self, what: &str, is_there: impl Fn(&Talk) -> bool) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while !is_there(&self.talk) {
            if !self.read().with_context(|| format!("wait for {what}"))? {
                bail!("the peer ended it before {what}: {}", self.tail());
            }
            if Instant::now() > until {
                bail!("there never came {what}: {}", self.tail());
            }
        }
        Ok(())
    }

    /// Reads to the peer's end and says how it came.
    pub(crate) fn read_to_end(&mut self) -> Result<CloseType> {
        while self.read().context("wait for the peer's end")? {}
        Ok(self.ended.unwrap_or(CloseType::Fin))
    }

    /// Whether the peer has ended it already, whatever it sent before.
    pub(crate) fn is_over(&self) -> Result<bool> {
        self.await_end(Duration::ZERO)
    }

    /// Waits so long for the peer's end, whatever it sends before; false when it does not come.
    pub(crate) fn await_end(&self, within: Duration) -> Result<bool> {
        let mut socket = [PollFd::new(&self.stream, PollFlags::RDHUP)];
        let within = Timespec::try_from(within).context("convert a time")?;
        let ready = rustix::event::poll(&mut socket, Some(&within));
        Ok(self.ended.is_some() || ready.context("wait for the peer's end")? > 0)
    }

    /// From now on reads have no timeout.
    pub(crate) fn wait_for_ever(&self) -> Result<()> {
        self.stream.set_read_timeout(None).context("set a read timeout")
    }

    /// Reads what has arrived; false when nothing has.
    pub(crate) fn read_arrived(&mut self) -> Result<bool> {
        let mut arrived = false;
        while rustix::io::ioctl_fionread(&self.stream).context("count the unread bytes")? > 0 {
            arrived = true;
            self.read()?;
        }
        Ok(arrived)
    }

    /// Ends it: with a FIN, or with the RST that the kernel sends when bytes are unread.
    pub(crate) fn close(self) -> Result<CloseType> {
        let unread = rustix::io::ioctl_fionread(&self.stream).context("count the unread bytes")?;
        harness::close(self.stream);
        Ok(if unread > 0 { CloseType::Rst } else { CloseType::Fin })
    }

    /// Ends it with an RST.
    pub(crate) fn reset(self) -> Result<CloseType> {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).context("set the linger time")?;
        harness::close(self.stream);
        Ok(CloseType::Rst)
    }

    fn tail(&self) -> String {
        let read = match self.side {
            Side::Client => &self.talk.answered,
            Side::Server => &self.talk.asked,
        };
        let from = read.len().saturating_sub(200);
        format!("{:?} after {:?}", read[from..].escape_ascii().to_string(), self.state().phase)
    }
}
