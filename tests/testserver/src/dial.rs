//! Listening, connecting and accepting.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustix::event::PollFlags;
use socket2::{Domain, Protocol, Socket, Type};

use crate::endpoint::{Endpoint, PATIENCE, poll};
use crate::error::{PlayError, Step as _};
use crate::ledger::Ledger;
use crate::pair::Pair;
use crate::relay::Relay;
use crate::stage::Stage;
use crate::truth::{End, Family};
use crate::worker::Pending;

impl Stage {
    fn server_address(&mut self) -> SocketAddr {
        let ip = match (&self.wire, self.family) {
            (Some(_), _) => IpAddr::V4(Relay::SERVER),
            (None, Family::V4) => IpAddr::V4(self.plan.loopback()),
            (None, Family::V6) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        SocketAddr::new(ip, 0)
    }

    /// The address that the client binds: a drawn one half of the time, else whatever connect chooses.
    fn client_address(&mut self) -> Option<SocketAddr> {
        let ip = self.plan.loopback();
        let binds = self.plan.once_in(2) && self.wire.is_none() && self.family == Family::V4;
        binds.then(|| SocketAddr::new(IpAddr::V4(ip), 0))
    }

    /// The address of the listener, which the first call opens.
    fn listen(&mut self) -> Result<SocketAddr, PlayError> {
        if let Some(listener) = &*self.listener.lock().unwrap_or_else(PoisonError::into_inner) {
            return listener.local_addr().step("name the listener");
        }
        let address = self.server_address();
        let slot = Arc::clone(&self.listener);
        self.server.run(move || {
            let socket = tcp_socket(address)?;
            socket.bind(&address.into()).step("bind the listener")?;
            socket.listen(16).step("listen")?;
            let listener = TcpListener::from(socket);
            let address = listener.local_addr().step("name the listener")?;
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
            Ok(address)
        })
    }

    /// Closes the listener, and with it what was never accepted.
    pub(crate) fn close_listener(&self) -> Result<(), PlayError> {
        let slot = Arc::clone(&self.listener);
        self.server.run(move || {
            drop(slot.lock().unwrap_or_else(PoisonError::into_inner).take());
            Ok(())
        })
    }

    /// An address at which nobody listens, reserved for as long as the socket is held.
    pub(crate) fn closed_port(&mut self) -> Result<(Socket, SocketAddr), PlayError> {
        let address = self.server_address();
        let socket = self.server.run(move || {
            let socket = tcp_socket(address)?;
            socket.bind(&address.into()).step("reserve a port")?;
            Ok(socket)
        })?;
        let address = address_of(&socket)?;
        Ok((socket, address))
    }

    /// Makes a connection and accepts it.
    pub(crate) fn dial(&mut self) -> Result<Pair, PlayError> {
        let target = self.listen()?;
        let slot = Arc::clone(&self.listener);
        let accepted: Pending<_> = self.server.start(move || {
            let listener = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let listener = listener.as_ref().ok_or_else(|| PlayError::ThreadGone("listener".to_owned()))?;
            poll(listener, PollFlags::IN)?;
            let (stream, _) = listener.accept().step("accept")?;
            let at = Instant::now();
            prepare(&stream)?;
            Ok((stream, at))
        });
        let mut pair = self.connect(target)?;
        let (stream, at) = accepted.wait()?;
        pair.server.ledger.made(at);
        pair.server.remote = stream.peer_addr().step("name the peer")?;
        pair.server.socket = Arc::new(Mutex::new(Some(stream)));
        Ok(pair)
    }

    /// Makes a connection that stays in the listener's queue; the server end has no socket.
    pub(crate) fn dial_unaccepted(&mut self) -> Result<Pair, PlayError> {
        let target = self.listen()?;
        self.connect(target)
    }

    fn connect(&mut self, target: SocketAddr) -> Result<Pair, PlayError> {
        let source = self.client_address();
        let client_ledger = Ledger::default();
        let server_ledger = if self.wire.is_some() { Ledger::default() } else { client_ledger.clone() };
        let stream = self.client.run(move || {
            let socket = tcp_socket(target)?;
            if let Some(source) = source {
                socket.bind(&source.into()).step("bind the client")?;
            }
            socket.connect(&target.into()).step("connect")?;
            let stream = TcpStream::from(socket);
            prepare(&stream)?;
            Ok(stream)
        })?;
        client_ledger.made(Instant::now());
        let stamps_reads = self.wire.is_some();
        let local = stream.local_addr().step("name the client")?;
        let client = Endpoint {
            role: End::Client,
            worker: Arc::clone(&self.client),
            socket: Arc::new(Mutex::new(Some(stream))),
            ledger: client_ledger,
            stamps_reads,
            local,
            remote: target,
        };
        let server = Endpoint {
            role: End::Server,
            worker: Arc::clone(&self.server),
            socket: Arc::default(),
            ledger: server_ledger,
            stamps_reads,
            local: target,
            remote: local,
        };
        Ok(Pair { client, server })
    }

    /// The client end of a connection that could not be made.
    pub(crate) fn unmade(&self, local: SocketAddr, remote: SocketAddr) -> Endpoint {
        Endpoint {
            role: End::Client,
            worker: Arc::clone(&self.client),
            socket: Arc::default(),
            ledger: Ledger::default(),
            stamps_reads: false,
            local,
            remote,
        }
    }
}

/// A socket of the family of this address.
pub(crate) fn tcp_socket(address: SocketAddr) -> Result<Socket, PlayError> {
    Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP)).step("make a socket")
}

/// The address that a socket is bound to.
pub(crate) fn address_of(socket: &Socket) -> Result<SocketAddr, PlayError> {
    let address = socket.local_addr().step("name a socket")?;
    address.as_socket().ok_or(PlayError::Io { step: "name a socket", reason: ErrorKind::Unsupported.into() })
}

fn prepare(stream: &TcpStream) -> Result<(), PlayError> {
    stream.set_nodelay(true).step("set TCP_NODELAY")?;
    stream.set_read_timeout(Some(PATIENCE)).step("set the read timeout")?;
    stream.set_write_timeout(Some(PATIENCE)).step("set the write timeout")
}
