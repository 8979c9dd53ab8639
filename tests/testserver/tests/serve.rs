//! The server does to raw clients what its flags and paths say.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(flags: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_testserver"))
            .arg("serve")
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("stdout is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the server says where it listens");
        let address = line.trim().strip_prefix("listening on ").expect("an address").parse().unwrap();
        Self { process, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server accepts");
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed, and need not be.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn get(stream: &mut TcpStream, path: &str) {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: t\r\n\r\n").unwrap();
}

/// Reads one response that has a Content-Length; returns its head and its body.
fn response(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).expect("a body");
    (head, body)
}

/// What the stream still gives, and whether it ends with an RST.
fn rest(stream: &mut TcpStream) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => (bytes, false),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => (bytes, true),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn keeps_connections_until_the_time_out() {
    let server = Server::start(&["--keep-alive-timeout", "200ms", "--announce-timeout", "7"]);
    let mut stream = server.connect();
    for path in ["/", "/bytes/5000", "/delay/300"] {
        get(&mut stream, path);
        let (head, _) = response(&mut stream);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("Keep-Alive: timeout=7\r\n"), "{head}");
    }
    let idle = Instant::now();
    assert_eq!(rest(&mut stream), (Vec::new(), false));
    assert!((180..1000).contains(&idle.elapsed().as_millis()));
}

#[test]
fn idle_time_out_can_reset_or_say_408() {
    let server = Server::start(&["--keep-alive-timeout", "100ms", "--linger-zero"]);
    let mut stream = server.connect();
    get(&mut stream, "/");
    response(&mut stream);
    assert_eq!(rest(&mut stream), (Vec::new(), true));

    let server = Server::start(&["--keep-alive-timeout", "100ms"]);
    let mut stream = server.connect();
    get(&mut stream, "/408");
    response(&mut stream);
    let (noise, reset) = rest(&mut stream);
    assert!(noise.starts_with(b"HTTP/1.1 408 ") && !reset);
}

#[test]
fn chunks_end_with_the_last_chunk() {
    let server = Server::start(&["--keep-alive-timeout", "100ms"]);
    let mut stream = server.connect();
    get(&mut stream, "/chunked/2500");
    let (bytes, _) = rest(&mut stream);
    let text = String::from_utf8(bytes).unwrap();
    let (_, chunks) = text.split_once("\r\n\r\n").unwrap();
    let whole = "x".repeat(1000);
    let half = "x".repeat(500);
    assert_eq!(chunks, format!("3e8\r\n{whole}\r\n3e8\r\n{whole}\r\n1f4\r\n{half}\r\n0\r\n\r\n"));
}

#[test]
fn hangs_up_where_the_path_says() {
    let server = Server::start(&["--body-bytes", "100"]);
    for (how, resets) in [("close", false), ("reset", true)] {
        let mut stream = server.connect();
        get(&mut stream, &format!("/{how}-before"));
        assert_eq!(rest(&mut stream), (Vec::new(), resets));

        let mut stream = server.connect();
        get(&mut stream, &format!("/{how}-mid"));
        let (bytes, reset) = rest(&mut stream);
        assert!(bytes.ends_with(&[b'x'; 50]) && !bytes.ends_with(&[b'x'; 51]));
        assert_eq!(reset, resets);

        let mut stream = server.connect();
        get(&mut stream, &format!("/{how}-after"));
        let (head, body) = response(&mut stream);
        assert_eq!(body.len(), 100);
        assert!(!head.contains("Connection: close"));
        assert_eq!(rest(&mut stream), (Vec::new(), resets));
    }
}

#[test]
fn announces_the_end() {
    let server = Server::start(&["--max-requests", "2"]);
    let mut stream = server.connect();
    get(&mut stream, "/close-announced");
    assert!(response(&mut stream).0.contains("Connection: close\r\n"));
    assert_eq!(rest(&mut stream), (Vec::new(), false));

    let mut stream = server.connect();
    get(&mut stream, "/");
    assert!(!response(&mut stream).0.contains("Connection: close\r\n"));
    get(&mut stream, "/");
    assert!(response(&mut stream).0.contains("Connection: close\r\n"));
    assert_eq!(rest(&mut stream), (Vec::new(), false));
}

#[test]
fn stalls_end_in_whole_responses() {
    let server = Server::start(&[]);
    for path in ["/stall-head/100", "/stall-body/100"] {
        let mut stream = server.connect();
        let begun = Instant::now();
        get(&mut stream, path);
        assert_eq!(response(&mut stream).1.len(), 13);
        assert!(begun.elapsed().as_millis() >= 100);
    }
}

#[test]
fn unread_bytes_make_a_reset() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    get(&mut stream, "/unread");
    assert_eq!(rest(&mut stream), (Vec::new(), true));
}

#[test]
fn stalled_requests_are_closed() {
    let server = Server::start(&["--head-timeout", "100ms", "--body-timeout", "150ms"]);
    let mut stream = server.connect();
    stream.write_all(b"GET / HT").unwrap();
    assert_eq!(rest(&mut stream), (Vec::new(), false));

    let mut stream = server.connect();
    stream.write_all(b"PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
    assert_eq!(rest(&mut stream), (Vec::new(), false));
}

#[test]
fn bodies_of_requests_are_read() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    stream.write_all(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").unwrap();
    stream.write_all(b"5\r\nwhole\r\n0\r\n\r\n").unwrap();
    response(&mut stream);
    stream.write_all(b"PUT / HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n").unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"half").unwrap();
    response(&mut stream);
}

#[test]
fn the_process_ends_in_mid_request() {
    let mut server = Server::start(&[]);
    let mut stream = server.connect();
    get(&mut stream, "/exit/42");
    assert_eq!(rest(&mut stream), (Vec::new(), false));
    assert_eq!(server.exit_code(), Some(42));

    let mut server = Server::start(&[]);
    let mut stream = server.connect();
    get(&mut stream, "/abort");
    assert_eq!(rest(&mut stream), (Vec::new(), false));
    assert_eq!(server.exit_code(), None);
}

#[test]
fn graceful_shutdown_finishes_what_is_under_way() {
    let mut server = Server::start(&[]);
    let (mut idle, mut busy) = (server.connect(), server.connect());
    get(&mut idle, "/");
    response(&mut idle);
    get(&mut busy, "/delay/300");
    std::thread::sleep(Duration::from_millis(100));
    server.signal(rustix::process::Signal::TERM);
    let begun = Instant::now();
    assert_eq!(rest(&mut idle), (Vec::new(), false));
    assert!(begun.elapsed() < Duration::from_millis(150));
    assert!(response(&mut busy).0.contains("Connection: close\r\n"));
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn abrupt_shutdown_finishes_nothing() {
    let mut server = Server::start(&["--shutdown", "abrupt"]);
    let mut busy = server.connect();
    get(&mut busy, "/delay/2000");
    std::thread::sleep(Duration::from_millis(100));
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(rest(&mut busy), (Vec::new(), false));
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn shutdown_by_path_is_graceful() {
    let mut server = Server::start(&[]);
    let mut stream = server.connect();
    get(&mut stream, "/shutdown");
    assert!(response(&mut stream).0.contains("Connection: close\r\n"));
    assert_eq!(server.exit_code(), Some(0));
}
