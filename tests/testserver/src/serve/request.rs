//! Reading requests: a head, and a body that nobody wants.

use std::error::Error;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::num::ParseIntError;
use std::time::{Duration, Instant};

use httparse::Status;

use super::action::Action;
use super::lifecycle::readable;

/// What a request head says that matters here.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) action: Action,
    pub(super) wants_body: bool,
    pub(super) persists: bool,
    body: Body,
    expects_continue: bool,
}

#[derive(Debug, Clone, Copy)]
enum Body {
    Length(u64),
    Chunked,
}

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Requests<'a> {
    stream: &'a TcpStream,
    buffer: Vec<u8>,
}

impl<'a> Requests<'a> {
    pub(super) fn new(stream: &'a TcpStream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Whether bytes of the next request have been read already.
    pub(super) fn has_begun(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Whether the request that has arrived, which is not read by this, is for `/unread`.
    pub(super) fn is_not_to_be_read(&self) -> io::Result<bool> {
        let mut beginning = [0; 1024];
        let size = self.stream.peek(&mut beginning)?;
        let mut words = beginning[..size].split(|byte| *byte == b' ').skip(1);
        let target = words.next().and_then(|target| std::str::from_utf8(target).ok());
        Ok(target.is_some_and(|target| Action::of(target) == Action::Unread))
    }

    /// Reads a head; nothing when the client ended the connection or took too long.
    pub(super) fn head(&mut self, limit: Duration) -> io::Result<Option<Head>> {
        let deadline = deadline(limit);
        loop {
            if let Some((head, size)) = parse(&self.buffer)? {
                self.buffer.drain(..size);
                return Ok(Some(head));
            }
            if !self.more(deadline)? {
                return Ok(None);
            }
        }
    }

    /// Reads the body of this request and forgets it; false when it did not come to its end.
    pub(super) fn discard_body(&mut self, head: &Head, stall: Duration) -> io::Result<bool> {
        let empty = matches!(head.body, Body::Length(0));
        if head.expects_continue && !empty {
            let mut stream = self.stream;
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        match head.body {
            Body::Length(size) => self.discard(size, stall),
            Body::Chunked => self.discard_chunks(stall),
        }
    }

    fn discard(&mut self, size: u64, stall: Duration) -> io::Result<bool> {
        let mut left = size;
        loop {
            let here = left.min(self.buffer.len() as u64);
            self.buffer.drain(..here as usize);
            left -= here;
            if left == 0 {
                return Ok(true);
            }
            if !self.more(deadline(stall))? {
                return Ok(false);
            }
        }
    }

    fn discard_chunks(&mut self, stall: Duration) -> io::Result<bool> {
        loop {
            match httparse::parse_chunk_size(&self.buffer).map_err(|error| bad(error.to_string()))? {
                Status::Complete((start, 0)) => {
                    self.buffer.drain(..start);
                    return self.discard_trailers(stall);
                }
                Status::Complete((start, size)) => {
                    self.buffer.drain(..start);
                    // The chunk, and the line end behind it.
                    if !self.discard(size.saturating_add(2), stall)? {
                        return Ok(false);
                    }
                }
                Status::Partial => {
                    if !self.more(deadline(stall))? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn discard_trailers(&mut self, stall: Duration) -> io::Result<bool> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                self.buffer.drain(..end + 2);
                if end == 0 {
                    return Ok(true);
                }
            } else if !self.more(deadline(stall))? {
                return Ok(false);
            }
        }
    }

    /// Reads some more; false at the end of the stream or at the deadline.
    fn more(&mut self, deadline: Option<Instant>) -> io::Result<bool> {
        if !readable(self.stream, deadline)? {
            return Ok(false);
        }
        let mut stream = self.stream;
        let mut piece = [0; 16 * 1024];
        let size = stream.read(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..size]);
        Ok(size > 0)
    }
}

/// The instant at which this timeout ends; a timeout of zero never does.
pub(super) fn deadline(limit: Duration) -> Option<Instant> {
    (!limit.is_zero()).then(|| Instant::now() + limit)
}

fn bad<E: Into<Box<dyn Error + Send + Sync>>>(why: E) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

fn parse(bytes: &[u8]) -> io::Result<Option<(Head, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut headers);
    let Status::Complete(size) = request.parse(bytes).map_err(bad)? else { return Ok(None) };
    let mut head = Head {
        action: Action::of(request.path.unwrap_or_default()),
        wants_body: request.method != Some("HEAD"),
        persists: request.version == Some(1),
        body: Body::Length(0),
        expects_continue: false,
    };
    for header in request.headers.iter() {
        let value = String::from_utf8_lossy(header.value).to_ascii_lowercase();
        match header.name.to_ascii_lowercase().as_str() {
            "content-length" => {
                let size = value.trim().parse().map_err(bad::<ParseIntError>)?;
                head.body = Body::Length(size);
            }
            "transfer-encoding" => head.body = Body::Chunked,
            "connection" if value.contains("close") => head.persists = false,
            "connection" if value.contains("keep-alive") => head.persists = true,
            "expect" => head.expects_continue = value.contains("100-continue"),
            _ => {}
        }
    }
    Ok(Some((head, size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_understood() {
        let bytes = b"PUT /bytes/3 HTTP/1.1\r\nContent-Length: 12\r\nConnection: close\r\n\r\nrest";
        let (head, size) = parse(bytes).unwrap().unwrap();
        assert_eq!(size, bytes.len() - 4);
        assert_eq!(head.action, Action::Bytes(3));
        assert!(matches!(head.body, Body::Length(12)));
        assert!(!head.persists);
        assert!(parse(&bytes[..20]).unwrap().is_none());
    }

    #[test]
    fn http10_persists_only_when_asked_to() {
        let (head, _) = parse(b"GET / HTTP/1.0\r\n\r\n").unwrap().unwrap();
        assert!(!head.persists);
        let (head, _) = parse(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").unwrap().unwrap();
        assert!(head.persists);
    }
}
