//! The scripted server of one play: one connection, closed when its idle timeout is over.

use std::{
    io::Write as _,
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use socket2::{Domain, Protocol, Socket, Type};

use super::{
    ends::{Anchor, PATIENCE, is_end, read_all, readable_by, request_len, response, sleep_until},
    plan::{Habit, Leaves, Play, Twist},
    socket,
};

/// For how long [`Habit::Lingers`] reads on.
const LINGERS: Duration = Duration::from_millis(300);
/// How often a server asks whether the client's clock runs.
const LOOKS_EVERY: Duration = Duration::from_millis(2);

/// What the server knows of its connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ServerLog {
    /// Requests read to the end, and answered.
    pub(super) read: u32,
    pub(super) answered: u32,
}

/// Where the client is to connect to: a listener, or (for [`Twist::Refused`]) only a reserved port.
#[derive(Debug)]
pub(super) struct Door {
    socket: Socket,
    pub(super) at: SocketAddr,
}

impl Door {
    /// Opens it at this address, port 0.
    pub(super) fn open(play: &Play, at: SocketAddr) -> Result<Self> {
        let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))
            .context("make a socket")?;
        socket.bind(&at.into()).with_context(|| format!("bind {at}"))?;
        if play.twist != Twist::Refused {
            socket.listen(4).context("listen")?;
        }
        let at =
            socket.local_addr().context("name the listener")?.as_socket().context("name the listener")?;
        Ok(Self { socket, at })
    }
}

/// Serves one connection to its end. Returns the listener if it is to be there for what comes later.
pub(super) fn serve(play: &Play, door: Door, anchor: &Anchor) -> Result<(ServerLog, Option<Door>)> {
    let mut log = ServerLog::default();
    if play.twist == Twist::Refused {
        return Ok((log, Some(door)));
    }
    door.socket.set_read_timeout(Some(PATIENCE)).context("set a timeout")?;
    let (stream, _) = door.socket.accept().context("accept")?;
    let stream = TcpStream::from(stream);
    stream.set_nodelay(true).context("set TCP_NODELAY")?;
    match play.leaves {
        Leaves::TimeWait => {}
        // More than the 60 s for which time-wait sockets do.
        Leaves::Orphan => socket::set_fin_timeout(&stream, 120).context("set the FIN timeout")?,
        Leaves::Listener | Leaves::Nobody => {
            socket::set_fin_timeout(&stream, 1).context("set the FIN timeout")?;
        }
    }
    let goes_on = exchanges(play, &stream, &mut log, anchor)?;
    let door = if play.leaves == Leaves::Nobody {
        drop(door);
        None
    } else {
        Some(door)
    };
    if goes_on {
        close(play, &stream)?;
    }
    drop(stream);
    Ok((log, door))
}

/// Answers what comes; true when it is the server's turn to close.
fn exchanges(play: &Play, stream: &TcpStream, log: &mut ServerLog, anchor: &Anchor) -> Result<bool> {
    if let Twist::FirstLost { reads } = play.twist {
        readable_by(stream, Instant::now() + PATIENCE).context("wait for a request")?;
        if reads {
            read_all(stream, request_len(play, 1) as usize, Instant::now() + PATIENCE)
                .context("read a request")?;
            log.read += 1;
        }
        thread::sleep(Duration::from_millis(5));
        return Ok(true);
    }
    let mut answered_at = None;
    loop {
        if let Some(since) = answered_at
            && !awaits_request(play, stream, since, log.answered, anchor)?
        {
            return Ok(true);
        }
        let number = log.answered + 1;
        let wanted = request_len(play, number) as usize;
        let (_, ended) = read_all(stream, wanted, Instant::now() + PATIENCE).context("read a request")?;
        if ended.is_some() {
            return Ok(false);
        }
        log.read += 1;
        thread::sleep(play.thinks);
        match (&*stream).write_all(&response(play, number)) {
            Ok(()) => log.answered += 1,
            Err(error) if is_end(&error) => return Ok(false),
            Err(error) => return Err(error).context("write a response"),
        }
        answered_at = Some(Instant::now());
    }
}

/// False when the idle timeout is over, by this server's habits.
fn awaits_request(
    play: &Play,
    stream: &TcpStream,
    since: Instant,
    answered: u32,
    anchor: &Anchor,
) -> Result<bool> {
    let exact = play.together && answered == play.before;
    let due = if exact {
        let until = since + PATIENCE;
        loop {
            if let Some(anchor) = anchor.get() {
                let flight = if play.wire.is_slow() { testserver::SlowWire::DELAY } else { Duration::ZERO };
                break *anchor + play.timeout.saturating_sub(flight);
            }
            if Instant::now() > until || readable_by(stream, Instant::now() + LOOKS_EVERY)? {
                return Ok(true);
            }
        }
    } else {
        since + play.timeout
    };
    let looks_until = match play.habit {
        Habit::Busy(busy) => due.checked_sub(busy).unwrap_or(due),
        _ if exact => due.checked_sub(Duration::from_micros(250)).unwrap_or(due),
        _ => due,
    };
    let early = readable_by(stream, looks_until).context("wait for a request")?;
    let overdue = Instant::now() >= due;
    if early && (!overdue || play.habit == Habit::LooksAgain || play.habit == Habit::Lingers) {
        return Ok(true);
    }
    sleep_until(due, exact);
    match play.habit {
        Habit::LooksAgain | Habit::Lingers => Ok(readable_by(stream, Instant::now())?),
        Habit::TimersFirst | Habit::Busy(_) => Ok(false),
    }
}

fn close(play: &Play, stream: &TcpStream) -> Result<()> {
    let lingers = play.habit == Habit::Lingers && play.twist == Twist::None;
    // The client may have ended it meanwhile.
    if lingers && stream.shutdown(Shutdown::Write).is_ok() {
        let _thrown_away = read_all(stream, usize::MAX, Instant::now() + LINGERS).context("linger")?;
    }
    Ok(())
}
