//! Writing responses, whole or broken off.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// What the head of a response announces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Announcement {
    pub(super) persists: bool,
    pub(super) timeout: Option<u64>,
}

/// The responses to one request.
#[derive(Debug)]
pub(super) struct Response<'a> {
    stream: &'a TcpStream,
    announcement: Announcement,
    with_body: bool,
}

impl<'a> Response<'a> {
    pub(super) fn new(stream: &'a TcpStream, announcement: Announcement, with_body: bool) -> Self {
        Self { stream, announcement, with_body }
    }

    /// A complete response in one write.
    pub(super) fn whole(&self, status: &str, size: usize) -> io::Result<()> {
        let mut message = self.head(status, &format!("Content-Length: {size}"));
        message.extend(self.body(size));
        self.write(&message)
    }

    /// A complete response in chunks of up to 1,000 bytes.
    pub(super) fn chunked(&self, size: usize) -> io::Result<()> {
        self.write(&self.head("200 OK", "Transfer-Encoding: chunked"))?;
        if !self.with_body {
            return Ok(());
        }
        let body = self.body(size);
        for piece in body.chunks(1000) {
            let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
            chunk.extend_from_slice(piece);
            chunk.extend_from_slice(b"\r\n");
            self.write(&chunk)?;
        }
        self.write(b"0\r\n\r\n")
    }

    /// A complete response with a pause in its head.
    pub(super) fn stalled_head(&self, size: usize, pause: Duration) -> io::Result<()> {
        let mut message = self.head("200 OK", &format!("Content-Length: {size}"));
        let rest = message.split_off(message.len() / 2);
        self.write(&message)?;
        thread::sleep(pause);
        self.write(&[rest, self.body(size)].concat())
    }

    /// A complete response with a pause in its body, which has two bytes at least.
    pub(super) fn stalled_body(&self, size: usize, pause: Duration) -> io::Result<()> {
        let size = size.max(2);
        let body = self.begun(size)?;
        thread::sleep(pause);
        self.write(&body)
    }

    /// A head and half of the body that it promises; returns the other half.
    pub(super) fn begun(&self, size: usize) -> io::Result<Vec<u8>> {
        let mut message = self.head("200 OK", &format!("Content-Length: {size}"));
        let mut body = self.body(size);
        let rest = body.split_off(body.len() / 2);
        message.extend(body);
        self.write(&message)?;
        Ok(rest)
    }

    fn head(&self, status: &str, length: &str) -> Vec<u8> {
        let mut head =
            format!("HTTP/1.1 {status}\r\nServer: testserver\r\nContent-Type: text/plain\r\n{length}\r\n");
        if !self.announcement.persists {
            head.push_str("Connection: close\r\n");
        } else if let Some(seconds) = self.announcement.timeout {
            // Writing to a string does not fail.
            let _ = write!(head, "Connection: keep-alive\r\nKeep-Alive: timeout={seconds}\r\n");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    fn body(&self, size: usize) -> Vec<u8> {
        if self.with_body { vec![b'x'; size] } else { Vec::new() }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = self.stream;
        stream.write_all(bytes)
    }
}
