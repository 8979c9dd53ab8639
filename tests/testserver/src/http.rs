//! The bytes of real HTTP/1.1 messages, in the shapes that servers send them.

use crate::plan::Plan;

/// Whether a message says that the connection ends with this exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persist {
    /// Nothing is announced: HTTP/1.1 goes on.
    KeepAlive,
    /// `Connection: close`.
    Close,
}

impl Persist {
    fn header(self) -> &'static str {
        match self {
            Self::KeepAlive => "",
            Self::Close => "Connection: close\r\n",
        }
    }
}

/// One request, with its head and its body apart so that a script can stop in the middle of either.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A GET, or now and then a POST with a small body.
    pub(crate) fn any(plan: &mut Plan, persist: Persist) -> Self {
        if plan.once_in(4) {
            let size = plan.between(1..=900);
            Self::post(plan, size, persist.header())
        } else {
            Self::bodyless(plan, "GET", "HTTP/1.1", persist.header())
        }
    }

    pub(crate) fn bodyless(plan: &mut Plan, method: &str, version: &str, headers: &str) -> Self {
        let path = path(plan);
        let head = format!(
            "{method} /{path} {version}\r\nHost: example.test\r\nUser-Agent: testserver\r\nAccept: */*\r\n{headers}\r\n"
        );
        Self { head: head.into_bytes(), body: Vec::new() }
    }

    pub(crate) fn post(plan: &mut Plan, size: u32, headers: &str) -> Self {
        let path = path(plan);
        let head = format!(
            "POST /{path} HTTP/1.1\r\nHost: example.test\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n{headers}\r\n"
        );
        Self { head: head.into_bytes(), body: plan.text(size as usize) }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head.as_slice(), &self.body].concat()
    }
}

fn path(plan: &mut Plan) -> String {
    let length = plan.between(0..=40) as usize;
    String::from_utf8_lossy(&plan.text(length)).into_owned()
}

/// A response as the writes that carry it: one write, a head and a body, or a chunk at a time.
pub(crate) type Writes = Vec<Vec<u8>>;

/// A complete 200 in a shape that the seed chooses.
pub(crate) fn response(plan: &mut Plan, persist: Persist) -> Writes {
    response_with(plan, persist.header())
}

/// As [`response`], with these header lines (each ended by CR LF) added.
pub(crate) fn response_with(plan: &mut Plan, headers: &str) -> Writes {
    let size = plan.between(0..=2000) as usize;
    if plan.once_in(4) {
        return chunked(plan, size, headers);
    }
    let head = length_head(size, headers);
    let body = plan.text(size);
    if size > 0 && plan.once_in(2) { vec![head, body] } else { vec![[head, body].concat()] }
}

/// The head of a response whose body has `size` bytes.
pub(crate) fn length_head(size: usize, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n{headers}\r\n")
        .into_bytes()
}

/// A chunked response; the last write ends with the last chunk.
pub(crate) fn chunked(plan: &mut Plan, size: usize, headers: &str) -> Writes {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n{headers}\r\n");
    let mut stream = vec![head.into_bytes()];
    let mut left = size;
    while left > 0 {
        let piece = left.min(plan.between(1..=1200) as usize);
        left -= piece;
        let mut chunk = format!("{piece:x}\r\n").into_bytes();
        chunk.extend(plan.text(piece));
        chunk.extend_from_slice(b"\r\n");
        stream.push(chunk);
    }
    stream.push(b"0\r\n\r\n".to_vec());
    if plan.once_in(2) { vec![stream.concat()] } else { stream }
}

/// A response whose body ends with the connection: neither a length nor chunks.
pub(crate) fn until_close(plan: &mut Plan, version: &str) -> Writes {
    let size = plan.between(1..=2000) as usize;
    let head = format!("{version} 200 OK\r\nContent-Type: text/plain\r\n\r\n").into_bytes();
    vec![[head, plan.text(size)].concat()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth::Family;

    #[test]
    fn chunked_responses_end_with_the_last_chunk() {
        for seed in 0..50 {
            let mut plan = Plan::new("chunked", Family::V4, seed);
            let stream = chunked(&mut plan, 700, "").concat();
            assert!(stream.ends_with(b"\r\n0\r\n\r\n"), "seed {seed}");
        }
    }

    #[test]
    fn heads_parse() {
        let mut plan = Plan::new("heads", Family::V4, 1);
        for _ in 0..50 {
            let stream = response(&mut plan, Persist::Close).concat();
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let mut parsed = httparse::Response::new(&mut headers);
            assert!(parsed.parse(&stream).unwrap().is_complete());
            let bytes = Request::any(&mut plan, Persist::KeepAlive).bytes();
            let mut headers = [httparse::EMPTY_HEADER; 16];
            assert!(httparse::Request::new(&mut headers).parse(&bytes).unwrap().is_complete());
        }
    }
}
