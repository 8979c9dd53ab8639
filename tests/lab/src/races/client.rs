//! The scripted client of one play.

use std::{
    io::{ErrorKind, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use super::{
    ends::{Anchor, End, PATIENCE, is_end, read_all, readable_by, request, response, sleep_until},
    plan::{Move, Play, Twist},
};
use crate::truth::{Phase, Truth};

/// From the last answer to the client's own close: more than what counts as the end of the exchange itself (0.1 s).
const IDLES: Duration = Duration::from_millis(150);

/// What the client knows of its connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientLog {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// Requests of which the kernel took at least a byte.
    pub(super) asked: u32,
    /// Responses read to the end.
    pub(super) answered: u32,
    pub(super) refused: bool,
    /// The end as the socket told it.
    pub(super) saw: Option<End>,
}

impl ClientLog {
    /// Whether a connection that ended so left its client with as much as it got.
    pub(super) fn bears_out(&self, truth: &Truth) -> bool {
        let is_lost = truth.race.is_some() || truth.phase.is_in_flight();
        // A request that met an announced end is no race, and lost all the same.
        let is_open = is_lost || truth.verdict == "completed";
        self.refused == (truth.phase == Phase::Connecting)
            && truth.requests == self.answered
            && if self.asked > self.answered { is_open } else { !is_lost }
    }
}

/// A client's socket that is bound and not connected.
#[derive(Debug)]
pub(super) struct Bound {
    socket: Socket,
    pub(super) local: SocketAddr,
}

impl Bound {
    pub(super) fn new(at: SocketAddr) -> Result<Self> {
        let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))
            .context("make a socket")?;
        socket.bind(&at.into()).with_context(|| format!("bind {at}"))?;
        let local = socket.local_addr().context("name the client")?.as_socket().context("name the client")?;
        Ok(Self { socket, local })
    }
}

/// Plays the client's part to its end.
pub(super) fn run(play: &Play, bound: Bound, server: SocketAddr, anchor: &Anchor) -> Result<ClientLog> {
    let mut log =
        ClientLog { local: bound.local, remote: server, asked: 0, answered: 0, refused: false, saw: None };
    if let Err(error) = bound.socket.connect_timeout(&server.into(), PATIENCE) {
        if error.raw_os_error() == Some(libc::ECONNREFUSED) && play.twist == Twist::Refused {
            log.refused = true;
            return Ok(log);
        }
        return Err(error).context("connect");
    }
    let stream = TcpStream::from(bound.socket);
    stream.set_nodelay(true).context("set TCP_NODELAY")?;
    if play.twist == Twist::Probes {
        let often =
            TcpKeepalive::new().with_time(Duration::from_secs(1)).with_interval(Duration::from_secs(1));
        SockRef::from(&stream).set_tcp_keepalive(&often).context("set keepalive")?;
    }
    let until = if matches!(play.twist, Twist::FirstLost { .. }) { 1 } else { play.before };
    while log.asked < until {
        ask(play, &stream, &mut log)?;
        if !answer(play, &stream, &mut log)? {
            break;
        }
    }
    if log.answered == play.before && log.saw.is_none() {
        let now = Instant::now();
        let _first = anchor.set(now);
        act(play, &stream, &mut log, now)?;
    }
    if log.saw.is_some() && !play.leaves_lying.is_zero() {
        thread::sleep(play.leaves_lying);
    }
    if play.moves == (Move::Close { resets: true }) {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).context("set the linger time")?;
    }
    drop(stream);
    Ok(log)
}

/// What the client does after its gap.
fn act(play: &Play, stream: &TcpStream, log: &mut ClientLog, since: Instant) -> Result<()> {
    let due = since + play.gap;
    match play.moves {
        Move::Wait => {
            let (_, end) = read_all(stream, 1, since + PATIENCE).context("wait for the server's close")?;
            log.saw = end;
            return Ok(());
        }
        Move::Close { .. } => {
            sleep_until(due, false);
            return Ok(());
        }
        Move::Ask { .. } | Move::AskAndClose | Move::AskAndGiveUp(_) => sleep_until(due, play.together),
    }
    let looks = play.moves == (Move::Ask { looks: true });
    if looks && readable_by(stream, Instant::now())? {
        let (_, end) = read_all(stream, 1, since + PATIENCE).context("look before asking")?;
        log.saw = end;
        return Ok(());
    }
    ask(play, stream, log)?;
    match play.moves {
        Move::AskAndClose => Ok(()),
        Move::AskAndGiveUp(after) => {
            thread::sleep(after);
            Ok(())
        }
        _ => {
            if answer(play, stream, log)? {
                thread::sleep(IDLES);
            }
            Ok(())
        }
    }
}

fn ask(play: &Play, mut stream: &TcpStream, log: &mut ClientLog) -> Result<()> {
    let (head, body) = request(play, log.asked + 1);
    let writes = if play.in_two { vec![head, body] } else { vec![[head, body].concat()] };
    for (index, bytes) in writes.iter().filter(|bytes| !bytes.is_empty()).enumerate() {
        match stream.write(bytes) {
            Ok(written) if written == bytes.len() => log.asked += u32::from(index == 0),
            Ok(written) => bail!("only {written} of {} bytes of a request could be written", bytes.len()),
            // An error is told once; behind a FIN the read that follows tells of that.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                log.saw = Some(End::Reset);
                return Ok(());
            }
            Err(error) if is_end(&error) => return Ok(()),
            Err(error) => return Err(error).context("write a request"),
        }
    }
    Ok(())
}

/// Reads a response; false when the end came instead.
fn answer(play: &Play, stream: &TcpStream, log: &mut ClientLog) -> Result<bool> {
    let wanted = response(play, log.answered + 1).len();
    let (_, end) = read_all(stream, wanted, Instant::now() + PATIENCE).context("read a response")?;
    log.saw = log.saw.or(end);
    log.answered += u32::from(end.is_none());
    Ok(end.is_none())
}
