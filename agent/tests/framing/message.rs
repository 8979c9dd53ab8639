//! Random HTTP/1.1 messages, valid ones, with everything in them that makes their ends hard to find.

use std::iter::repeat_with;

use fastrand::Rng;

/// What decides how the two directions depend on each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    pub(crate) head: usize,
    pub(crate) is_head: bool,
    pub(crate) is_connect: bool,
    pub(crate) expects: bool,
}

/// Methods that a connection may begin with: those that the probes recognise from their first byte on.
const FIRST: &[&str] = &["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"];
const LATER: &[&str] =
    &["MKCOL", "QUERY", "PURGE", "REPORT", "get", "m-search", "X", "LOCK", "HEADS", "CONNECTS"];
const HARMLESS: &[&str] = &[
    "Host: a",
    "Accept:*/*",
    "X-Empty:",
    "X-Note: Content-Length: 77",
    "X-Content-Length: 5",
    "Content-Length-Hint: 5",
    "Content-Lengthy: 9",
    "Content-Type: text/plain",
    "TE: chunked",
    "Transfer-Encodings: chunked",
    "Trailer: X-End",
    "Expect-CT: max-age=0",
    "Connections: close",
    "Server: test",
    "Keep-Alive: timeout=5, max=9",
    "X: \u{e9}\u{2603}",
];

/// A request; `first` on its connection.
pub(crate) fn request(rng: &mut Rng, first: bool) -> Message {
    let method = match rng.u8(..10) {
        0 | 1 => "HEAD",
        2 if !first => "CONNECT",
        3 if !first => LATER[rng.usize(..LATER.len())],
        4..=6 => "GET",
        _ => FIRST[rng.usize(..FIRST.len())],
    };
    let mut message =
        Message { is_head: method == "HEAD", is_connect: method == "CONNECT", ..Message::default() };
    let eol = eol(rng);
    let target = if rng.u8(..12) == 0 { noise_text(rng, 900) } else { "/".to_owned() };
    let version = if rng.u8(..8) == 0 { "1.0" } else { "1.1" };
    let mut fields = fields(rng);
    let may_have_body = !matches!(method, "GET" | "HEAD" | "CONNECT" | "TRACE") || rng.u8(..12) == 0;
    let body =
        if may_have_body && rng.u8(..6) > 0 { body(rng, version == "1.1", &mut fields) } else { Vec::new() };
    if !body.is_empty() && version == "1.1" && rng.u8(..4) == 0 {
        message.expects = true;
        fields.push(cased(rng, "Expect: 100-continue"));
    }
    let target = if message.is_connect { "a:443" } else { &target };
    finish(&mut message, rng, &format!("{method} {target} HTTP/{version}"), fields, eol, &body);
    message
}

/// An interim response other than 101.
pub(crate) fn interim(rng: &mut Rng, status: u16) -> Message {
    let mut message = Message::default();
    let (fields, eol) = (if status == 100 { Vec::new() } else { fields(rng) }, eol(rng));
    let first = status_line(rng, status, &fields);
    finish(&mut message, rng, &first, fields, eol, &[]);
    message
}

/// A final response to `request`.
pub(crate) fn response(rng: &mut Rng, request: &Message, may_run_on: bool) -> Message {
    let status = match rng.u8(..12) {
        0 => 204,
        1 => 304,
        2 => 404,
        3 => 500,
        // To a CONNECT a 2xx begins a tunnel.
        _ if request.is_connect => 403,
        _ => 200,
    };
    let status = if request.is_connect && status < 300 { 403 } else { status };
    // What comes up to the end of the connection cannot be reported from it for these.
    let may_run_on = may_run_on && !request.is_head && !matches!(status, 204 | 304);
    let mut fields = fields(rng);
    let mut body = if may_run_on && rng.bool() {
        if rng.u8(..4) == 0 {
            fields.push("Transfer-Encoding: gzip".to_owned());
        }
        content(rng)
    } else {
        body(rng, true, &mut fields)
    };
    if request.is_head || matches!(status, 204 | 304) {
        body.clear();
    }
    let mut message = Message::default();
    let eol = eol(rng);
    let first = status_line(rng, status, &fields);
    finish(&mut message, rng, &first, fields, eol, &body);
    message
}

/// A response without a body and with nothing that belongs to one.
pub(crate) fn bare(rng: &mut Rng, status: u16, field: &str) -> Message {
    let mut message = Message::default();
    let mut fields = fields(rng);
    fields.push(field.to_owned());
    let eol = eol(rng);
    let first = status_line(rng, status, &fields);
    finish(&mut message, rng, &first, fields, eol, &[]);
    message
}

pub(crate) fn raw(rng: &mut Rng) -> Vec<u8> {
    let len = rng.usize(..200);
    repeat_with(|| rng.u8(..)).take(len).collect()
}

fn status_line(rng: &mut Rng, status: u16, fields: &[String]) -> String {
    let reason = ["", "OK", "Not What You Think", "HTTP/1.1 200 OK"][rng.usize(..4)];
    let is_coded = fields.iter().any(|field| field.to_ascii_lowercase().starts_with("transfer-encoding:"));
    let version = if rng.u8(..10) == 0 && status >= 200 && !is_coded { "1.0" } else { "1.1" };
    format!("HTTP/{version} {status} {reason}")
}

fn finish(to: &mut Message, rng: &mut Rng, first: &str, mut fields: Vec<String>, eol: &str, body: &[u8]) {
    rng.shuffle(&mut fields);
    let lines = std::iter::once(first).chain(fields.iter().map(String::as_str));
    for line in lines.chain(std::iter::once("")) {
        to.bytes.extend_from_slice(line.as_bytes());
        to.bytes.extend_from_slice(eol.as_bytes());
    }
    to.head = to.bytes.len();
    to.bytes.extend_from_slice(body);
}

/// RFC 9112 section 2.2: a lone LF may be taken for a line's end.
fn eol(rng: &mut Rng) -> &'static str {
    if rng.u8(..8) == 0 { "\n" } else { "\r\n" }
}

fn cased(rng: &mut Rng, field: &str) -> String {
    match rng.u8(..4) {
        0 => field.to_ascii_lowercase(),
        1 => field.to_ascii_uppercase(),
        _ => field.to_owned(),
    }
}

fn fields(rng: &mut Rng) -> Vec<String> {
    let count = if rng.u8(..20) == 0 { rng.usize(..90) } else { rng.usize(..4) };
    let mut fields: Vec<_> =
        repeat_with(|| HARMLESS[rng.usize(..HARMLESS.len())].to_owned()).take(count).collect();
    match rng.u8(..24) {
        0 => fields.push(format!("Cookie: {}", noise_text(rng, 4000))),
        // Around the sizes of the window and of what is kept of it.
        1..=5 => fields.push(format!("Cookie: {}", noise_text(rng, 400))),
        6 | 7 => fields.push(cased(rng, "Connection: keep-alive")),
        8 => fields.push(cased(rng, "Connection:Upgrade ,\tclose ,x")),
        // A longer list may be read in part only, which is doubt.
        9 => fields.push(format!("Connection: {}close", "te, ".repeat(rng.usize(..6)))),
        _ => {}
    }
    fields
}

fn noise_text(rng: &mut Rng, most: usize) -> String {
    let len = rng.usize(..most);
    let from = b"abcHTP/1.0:=;, \tclosehunk".as_slice();
    let text: String = repeat_with(|| char::from(from[rng.usize(..from.len())])).take(len).collect();
    format!("/{}", text.replace([' ', '\t'], "_"))
}

/// A body and the fields that say where it ends.
fn body(rng: &mut Rng, may_chunk: bool, fields: &mut Vec<String>) -> Vec<u8> {
    if may_chunk && rng.bool() {
        let coding = ["chunked", "Chunked", "gzip, chunked", "gzip ,\tCHUNKED", "chunked \t"][rng.usize(..5)];
        let space = ["", " ", "\t", "   "][rng.usize(..4)];
        fields.push(format!("{}:{space}{coding}", cased(rng, "Transfer-Encoding")));
        return chunked(rng);
    }
    let content = content(rng);
    let (before, after) = (" ".repeat(rng.usize(..4)), ["", " ", "\t "][rng.usize(..3)]);
    let zeros = "0".repeat(if rng.u8(..5) == 0 { rng.usize(..6) } else { 0 });
    fields.push(format!("{}:{before}{zeros}{}{after}", cased(rng, "Content-Length"), content.len()));
    content
}

fn content(rng: &mut Rng) -> Vec<u8> {
    let decoy: &[u8] = match rng.u8(..5) {
        0 => b"GET / HTTP/1.1\r\n\r\n",
        1 => b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
        2 => b"0\r\n\r\n",
        _ => b"",
    };
    let len = match rng.u8(..16) {
        0..=3 => 0,
        4 => rng.usize(..4000),
        5..=7 => rng.usize(..300),
        _ => rng.usize(..20),
    };
    let filler: Vec<u8> =
        if rng.bool() { vec![b'x'; len] } else { repeat_with(|| rng.u8(..)).take(len).collect() };
    if rng.bool() { [decoy, &filler].concat() } else { [&filler, decoy].concat() }
}

fn chunked(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    let extension = |rng: &mut Rng| match rng.u8(..10) {
        0 => ";a=b".to_owned(),
        1 => " ; q=\"7f;0\"".to_owned(),
        2 => format!(";long={}", noise_text(rng, 120)),
        _ => String::new(),
    };
    for _ in 0..rng.usize(..5) {
        let data = content(rng);
        if data.is_empty() {
            continue;
        }
        let zeros = "0".repeat(if rng.u8(..4) == 0 { rng.usize(..5) } else { 0 });
        let size = if rng.bool() { format!("{:x}", data.len()) } else { format!("{:X}", data.len()) };
        bytes.extend_from_slice(format!("{zeros}{size}{}\r\n", extension(rng)).as_bytes());
        bytes.extend_from_slice(&data);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("{}{}\r\n", "0".repeat(rng.usize(1..4)), extension(rng)).as_bytes());
    for _ in 0..if rng.u8(..4) == 0 { rng.usize(..4) } else { 0 } {
        bytes.extend_from_slice(format!("X-End: {}\r\n", noise_text(rng, 30)).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}
