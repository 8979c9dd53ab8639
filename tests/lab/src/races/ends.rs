//! What the two scripted ends of a play share: the messages, the clocks, the waiting.

use std::{
    io::{self, ErrorKind, Read as _},
    net::TcpStream,
    num::NonZeroU64,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::plan::{Play, Twist};

/// How long an end waits for anything that its script does not time.
pub(super) const PATIENCE: Duration = Duration::from_secs(12);
/// The last stretch of a wait to the microsecond, in which the thread does not sleep.
const SPINS: Duration = Duration::from_micros(200);

/// When the client had read the last response before the gap: both ends' clocks in plays to the microsecond.
pub(super) type Anchor = OnceLock<Instant>;

/// How an end learnt that the connection was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Eof,
    Reset,
    /// Nothing came for longer than the script allows.
    Silence,
}

/// Request `number` (from 1): its head and its body.
pub(super) fn request(play: &Play, number: u32) -> (Vec<u8>, Vec<u8>) {
    let index = play.index;
    if number <= play.before || play.body == 0 {
        return (format!("GET /{index}/{number} HTTP/1.1\r\nHost: lab\r\n\r\n").into_bytes(), Vec::new());
    }
    let length = play.body;
    let head = format!("POST /{index}/{number} HTTP/1.1\r\nHost: lab\r\nContent-Length: {length}\r\n\r\n")
        .into_bytes();
    (head, vec![b'x'; length as usize])
}

/// Bytes of request `number`.
pub(super) fn request_len(play: &Play, number: u32) -> u32 {
    let (head, body) = request(play, number);
    (head.len() + body.len()) as u32
}

pub(super) fn response(play: &Play, number: u32) -> Vec<u8> {
    let body = vec![b'y'; (play.index.wrapping_mul(37).wrapping_add(number * 11) % 900) as usize];
    let says = if play.twist == Twist::Announced { "Connection: close\r\n" } else { "" };
    let mut response =
        format!("HTTP/1.1 200 OK\r\n{says}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    response.extend(body);
    response
}

/// Timers of this thread fire when they are due, not 50 us later.
pub(super) fn be_punctual() -> io::Result<()> {
    Ok(rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?)
}

/// Sleeps; to the microsecond when `exact`.
pub(super) fn sleep_until(due: Instant, exact: bool) {
    let early = if exact { SPINS } else { Duration::ZERO };
    let left = due.saturating_duration_since(Instant::now()).saturating_sub(early);
    if !left.is_zero() {
        thread::sleep(left);
    }
    while exact && Instant::now() < due {
        std::hint::spin_loop();
    }
}

/// Whether there is something to read, or the end, before `due`.
pub(super) fn readable_by(stream: &TcpStream, due: Instant) -> io::Result<bool> {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        let limit = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let mut fds = [PollFd::new(stream, PollFlags::IN)];
        match rustix::event::poll(&mut fds, Some(&limit)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads until there are `wanted` bytes in all or the end has come; says how many there were.
pub(super) fn read_all(
    mut stream: &TcpStream,
    wanted: usize,
    due: Instant,
) -> io::Result<(usize, Option<End>)> {
    let mut got = 0;
    let mut buffer = [0; 8 << 10];
    while got < wanted {
        if !readable_by(stream, due)? {
            return Ok((got, Some(End::Silence)));
        }
        let room = buffer.len().min(wanted - got);
        match stream.read(&mut buffer[..room]) {
            Ok(0) => return Ok((got, Some(End::Eof))),
            Ok(size) => got += size,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_end(&error) => return Ok((got, Some(End::Reset))),
            Err(error) => return Err(error),
        }
    }
    Ok((got, None))
}

/// An error that a peer's reset (or its end before) causes.
pub(super) fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
            | ErrorKind::ConnectionAborted
    )
}
