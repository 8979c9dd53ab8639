//! Connections that nobody closes, and connections that are never made.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};

use crate::dial::{address_of, tcp_socket};
use crate::endpoint::{Ending, Endpoint};
use crate::error::{PlayError, Step as _};
use crate::http::{Persist, Request};
use crate::ledger::Part;
use crate::relay::Relay;
use crate::stage::Stage;
use crate::truth::Expect;

use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 5] = [
    Scenario::loopback("refused", "the client connects to a port at which nobody listens", refused),
    Scenario::relay("connect-timeout", "the network loses the client's SYNs", connect_timeout),
    Scenario::relay(
        "keepalive-dead",
        "the network goes away under an idle connection and the server's keepalive finds out",
        keepalive_dead,
    ),
    Scenario::relay(
        "user-timeout",
        "the network goes away under a request and the client's TCP_USER_TIMEOUT ends it",
        user_timeout,
    ),
    Scenario::relay(
        "retransmit-timeout",
        "the network goes away under a request and the client runs out of retransmissions",
        retransmit_timeout,
    ),
];

const NETWORK_WAITING: Expect = Expect::of("network", "network", "timeout", "waiting", "NW").in_flight(1);

fn refused(stage: &mut Stage) -> Played {
    let (reserved, target) = stage.closed_port()?;
    let source = SocketAddr::new(target.ip(), 0);
    let client = fail_to_connect(stage, source, target, ErrorKind::ConnectionRefused)?;
    drop(reserved);
    let expect = Expect::of("connect-failed", "server", "rst", "connecting", "SC").causes(&["refused"]);
    Ok(vec![stage.row(&client, expect.served(0))])
}

fn connect_timeout(stage: &mut Stage) -> Played {
    stage.relay()?.lose_everything();
    let source = SocketAddr::new(IpAddr::V4(Relay::CLIENT), 0);
    let target = SocketAddr::new(IpAddr::V4(Relay::SERVER), 8080);
    let client = fail_to_connect(stage, source, target, ErrorKind::TimedOut)?;
    let expect = Expect::of("connect-failed", "network", "timeout", "connecting", "NC");
    Ok(vec![stage.row(&client, expect.causes(&["retransmit-timeout"]).served(0))])
}

/// Connects in vain. The socket is bound first: a failed connect forgets its address.
fn fail_to_connect(
    stage: &Stage,
    source: SocketAddr,
    target: SocketAddr,
    expected: ErrorKind,
) -> Result<Endpoint, PlayError> {
    let step = "fail to connect";
    let local = stage.client_thread().run(move || {
        let socket = tcp_socket(target)?;
        try_one_syn_more(&socket).step("set TCP_SYNCNT")?;
        socket.bind(&source.into()).step("bind the client")?;
        let local = address_of(&socket)?;
        match socket.connect(&target.into()) {
            Err(error) if error.kind() == expected => Ok(local),
            Err(reason) => Err(PlayError::Io { step, reason }),
            Ok(()) => {
                let (expected, saw) = (expected.to_string(), "a connection".to_owned());
                Err(PlayError::Strayed { step, expected, saw })
            }
        }
    })?;
    Ok(stage.unmade(local, target))
}

fn try_one_syn_more(socket: &Socket) -> io::Result<()> {
    let count: libc::c_int = 1;
    // SAFETY: the option takes a pointer to an int and its size, and both outlive the call; the descriptor is open.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_SYNCNT,
            (&raw const count).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn keepalive_dead(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let second = Duration::from_secs(1);
    let probing = TcpKeepalive::new().with_time(second).with_interval(second).with_retries(1);
    pair.server.configure("set SO_KEEPALIVE", move |socket| socket.set_tcp_keepalive(&probing))?;
    let served = stage.exchanges(&pair)?;
    // Until the last acknowledgment, which may be delayed, has crossed: data would be retransmitted instead.
    stage.pause(200);
    stage.relay()?.lose_everything();
    pair.server.finish(Ending::TimedOut)?;
    // The client never learns of it, and what is true of its own end is not clear enough for a row.
    pair.client.reset()?;
    let expect = Expect::of("network", "network", "timeout", "idle", "NI").causes(&["keepalive-dead"]);
    Ok(vec![stage.row(&pair.server, expect.in_flight(0).served(served))])
}

fn user_timeout(stage: &mut Stage) -> Played {
    let limit = Some(Duration::from_millis(500));
    lost_request(stage, &["user-timeout"], |_, client| {
        client.configure("set TCP_USER_TIMEOUT", move |socket| socket.set_tcp_user_timeout(limit))
    })
}

fn retransmit_timeout(stage: &mut Stage) -> Played {
    lost_request(stage, &["retransmit-timeout"], |stage, _| {
        // /proc/sys/net is that of the calling thread's namespace.
        stage.client_thread().run(|| {
            fs::write("/proc/sys/net/ipv4/tcp_retries2", "1").map_err(|reason| PlayError::Missing {
                what: "set net.ipv4.tcp_retries2 in a network namespace",
                remedy: "Run where /proc/sys is writable (in a container: --privileged)",
                reason,
            })
        })
    })
}

/// A request that is written when the network has gone away. Only the client has a row: the server, to which nothing
/// has happened, is ended afterwards.
fn lost_request(
    stage: &mut Stage,
    causes: &'static [&'static str],
    prepare: impl Fn(&Stage, &Endpoint) -> Result<(), PlayError>,
) -> Played {
    let pair = stage.dial()?;
    prepare(stage, &pair.client)?;
    let served = stage.exchanges(&pair)?;
    stage.idle();
    stage.relay()?.lose_everything();
    let request = Request::any(&mut stage.plan, Persist::KeepAlive);
    pair.client.send(request.bytes(), Part::Begin)?;
    pair.client.finish(Ending::TimedOut)?;
    pair.server.reset()?;
    Ok(vec![stage.row(&pair.client, NETWORK_WAITING.causes(causes).served(served))])
}
