//! Both ends of plain connections, held by the test itself.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use harness::port;

/// A loopback address that nothing else on the host uses.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(127, 104, 7, 1);

/// Longer than anything here takes: a test that hangs must fail instead.
const PATIENCE: Duration = Duration::from_secs(20);

/// A listener at a port that no other socket of the host has.
pub(crate) fn listen() -> TcpListener {
    port::listen(HOST).expect("a listener")
}

/// Where a server can listen, at a port that no other socket of the host has.
pub(crate) fn free_address() -> SocketAddr {
    port::free(HOST).expect("a free port")
}

/// A connection with both ends in hand.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) client: TcpStream,
    pub(crate) server: TcpStream,
}

impl Dialled {
    pub(crate) fn to(listener: &TcpListener) -> Self {
        let client = dial(listener.local_addr().expect("address"));
        let (server, _) = listener.accept().expect("accept");
        server.set_read_timeout(Some(PATIENCE)).expect("timeout");
        Self { client, server }
    }

    /// One request and its response.
    pub(crate) fn exchange(&mut self) {
        ask(&mut self.client);
        answer(&mut self.server);
        read_response(&mut self.client);
    }

    /// Local and remote address of the client's socket.
    pub(crate) fn ends(&self) -> (SocketAddr, SocketAddr) {
        (self.client.local_addr().expect("address"), self.client.peer_addr().expect("address"))
    }
}

pub(crate) fn dial(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
    stream
}

/// Writes a request.
pub(crate) fn ask(client: &mut TcpStream) {
    client.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").expect("write the request");
}

/// Reads a request and writes a response.
pub(crate) fn answer(server: &mut TcpStream) {
    read_request(server);
    write_answer(server);
}

/// Writes a response.
pub(crate) fn write_answer(server: &mut TcpStream) {
    server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").expect("write the response");
}

/// Reads a request without a body.
pub(crate) fn read_request(server: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut some = [0; 1024];
        let read = server.read(&mut some).expect("read the request");
        assert_ne!(read, 0, "the request is cut short");
        request.extend_from_slice(&some[..read]);
    }
}

/// Reads one response that says how long it is; returns when its last byte had come.
pub(crate) fn read_response(client: &mut TcpStream) -> Instant {
    read_message(client);
    Instant::now()
}

/// The same; returns its head, in lower case, and its body.
pub(crate) fn read_message(client: &mut TcpStream) -> (String, String) {
    let head = read_head(client).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.unwrap_or_else(|| panic!("no length in {head}")).trim();
    let mut body = vec![0; length.parse().expect("a length")];
    client.read_exact(&mut body).expect("read the body");
    (head, String::from_utf8(body).expect("text"))
}

/// Waits for the end of the stream; returns when it came.
pub(crate) fn read_end(stream: &mut TcpStream) -> Instant {
    let read = stream.read(&mut [0; 64]);
    let at = Instant::now();
    assert_eq!(read.expect("an orderly end"), 0, "bytes where the end was expected");
    at
}

/// Byte by byte, so that nothing of the body is taken.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("read the head");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}
