//! The life of one connection.

use std::io::{self, ErrorKind, Write as _};
use std::net::TcpStream;
use std::process;
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use socket2::SockRef;

use super::Options;
use super::action::{Action, Hangup, Moment};
use super::lifecycle::{Lifecycle, Readiness, readable};
use super::request::{Head, Requests, deadline};
use super::response::{Announcement, Response};

/// One connection and what the server has promised on it.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    stream: TcpStream,
    options: &'a Options,
    lifecycle: &'a Lifecycle,
    served: u32,
    says_408: bool,
}

/// Whether the connection outlives an exchange.
type Outcome = Result<(), Hangup>;

impl<'a> Connection<'a> {
    pub(super) fn new(stream: TcpStream, options: &'a Options, lifecycle: &'a Lifecycle) -> Self {
        Self { stream, options, lifecycle, served: 0, says_408: false }
    }

    /// Serves requests until one side ends the connection, which is closed when this returns.
    pub(super) fn serve(mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        let reading = self.stream.try_clone()?;
        let mut requests = Requests::new(&reading);
        let hangup = loop {
            if let Err(hangup) = self.exchange(&mut requests)? {
                break hangup;
            }
        };
        if hangup == Hangup::Reset {
            SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?;
        }
        Ok(())
    }

    fn exchange(&mut self, requests: &mut Requests<'_>) -> io::Result<Outcome> {
        if !requests.has_begun() {
            match self.lifecycle.wait(&self.stream, deadline(self.options.keep_alive_timeout))? {
                Readiness::Readable => {}
                Readiness::TimedOut => return self.idle_for_too_long().map(Err),
                Readiness::Stopping => return Ok(Err(Hangup::Close)),
            }
            if requests.is_not_to_be_read()? {
                return Ok(Err(Hangup::Close));
            }
        }
        let head = match requests.head(self.options.head_timeout) {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(Err(Hangup::Close)),
            Err(error) if error.kind() == ErrorKind::InvalidData => return self.refuse().map(Err),
            Err(error) => return Err(error),
        };
        if head.action == Action::Unread {
            // The head was read with an earlier request: something else has to be left.
            readable(&self.stream, deadline(self.options.body_timeout))?;
            return Ok(Err(Hangup::Close));
        }
        if !requests.discard_body(&head, self.options.body_timeout)? {
            return Ok(Err(Hangup::Close));
        }
        self.served += 1;
        self.act(&head)
    }

    fn idle_for_too_long(&mut self) -> io::Result<Hangup> {
        if self.says_408 {
            self.stream.write_all(
                b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            )?;
        }
        Ok(if self.options.linger_zero { Hangup::Reset } else { Hangup::Close })
    }

    fn refuse(&self) -> io::Result<Hangup> {
        self.respond(false, true).whole("400 Bad Request", 0)?;
        Ok(Hangup::Close)
    }

    fn act(&mut self, head: &Head) -> io::Result<Outcome> {
        let persists = head.persists
            && head.action != Action::CloseAnnounced
            && head.action != Action::Shutdown
            && self.options.max_requests.is_none_or(|most| self.served < most);
        let size = self.options.body_bytes;
        // Whether the server stops is asked as late as can be: after the time that the answer takes.
        if let Action::Delay(pause) = head.action {
            thread::sleep(pause);
        }
        let persists = persists && !self.lifecycle.is_stopping();
        let response = self.respond(persists, head.wants_body);
        match head.action {
            Action::Small | Action::Delay(_) | Action::CloseAnnounced => response.whole("200 OK", size)?,
            Action::Bytes(size) => response.whole("200 OK", size)?,
            Action::Chunked(size) => response.chunked(size)?,
            Action::StallHead(pause) => response.stalled_head(size, pause)?,
            Action::StallBody(pause) => response.stalled_body(size, pause)?,
            Action::Hangup(moment, hangup) => {
                match moment {
                    Moment::Before => {}
                    Moment::Mid => drop(response.begun(size.max(2))?),
                    Moment::After => response.whole("200 OK", size)?,
                }
                return Ok(Err(hangup));
            }
            Action::Exit(code) => process::exit(code),
            Action::Abort => kill_process(getpid(), Signal::KILL)?,
            Action::Shutdown => {
                response.whole("200 OK", size)?;
                self.lifecycle.stop();
            }
            Action::Say408 => {
                response.whole("200 OK", size)?;
                self.says_408 = true;
            }
            Action::NotFound | Action::Unread => response.whole("404 Not Found", 0)?,
        }
        Ok(if persists { Ok(()) } else { Err(Hangup::Close) })
    }

    fn respond(&self, persists: bool, with_body: bool) -> Response<'_> {
        let announcement = Announcement { persists, timeout: self.options.announce_timeout };
        Response::new(&self.stream, announcement, with_body)
    }
}
