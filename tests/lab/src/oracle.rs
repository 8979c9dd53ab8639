//! Where an exchange stands, decided from all the bytes that a script wrote and read. Deliberately naive
//! and of its own making: it has the whole conversation, the agent has the first bytes of messages.

use crate::h2;
use crate::truth::{CloseType, Phase, Side, Truth};

/// RFC 9110 section 15.5.9.
const REQUEST_TIMEOUT: u32 = 408;

/// Both directions of one connection, from its first byte.
#[derive(Debug, Clone, Default)]
pub(crate) struct Talk {
    pub(crate) asked: Vec<u8>,
    pub(crate) answered: Vec<u8>,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    pub(crate) in_flight: u32,
    /// A message of the last exchange said that the connection ends with it.
    pub(crate) announced: bool,
    /// The open response ends with the connection.
    pub(crate) until_close: bool,
    /// Complete exchanges.
    pub(crate) answered: usize,
    /// The last request was answered in full before all of it had come: it is over.
    pub(crate) early: bool,
    /// The same with a 408: the server had waited for the rest, and the request is lost.
    pub(crate) timed_out: bool,
    /// Bytes that the open response's body still lacks, where its length was announced.
    pub(crate) lacks: Option<usize>,
}

impl State {
    /// What is true when it is ended here, longer than an instant after the last byte.
    pub(crate) fn ended(self, closer: Side, close_type: CloseType) -> Truth {
        if self.phase == Phase::Response && self.until_close && closer == Side::Server {
            return Truth::completed(closer, close_type);
        }
        if self.phase == Phase::Idle && (self.announced || self.early) {
            return Truth::completed(closer, close_type);
        }
        Truth::plain(closer, close_type, self.phase, self.in_flight)
    }
}

/// A request, as far as a scripted server cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) target: String,
    pub(crate) is_head: bool,
    /// It asks for leave to send its body.
    pub(crate) expects_continue: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Head,
    /// Of which so many bytes came.
    Body(usize),
    Whole,
}

#[derive(Debug)]
struct Request {
    method: String,
    expects_continue: bool,
    last: bool,
    extent: Extent,
}

#[derive(Debug, Default)]
struct Answers {
    complete: usize,
    /// Of the last that is complete.
    status: u32,
    begun: bool,
    until_close: bool,
    interim: bool,
    tunnel: bool,
    last: bool,
    lacks: Option<usize>,
}

impl Talk {
    pub(crate) fn state(&self) -> State {
        if h2::is_spoken(&self.asked) {
            return h2::state(self);
        }
        let requests = requests(&self.asked);
        let answers = answers(&self.answered, &requests);
        // What waits for leave to send its body may still go without.
        let may_go_without = |last: &Request| last.expects_continue && last.extent == Extent::Body(0);
        let waits = |last: &Request| !may_go_without(last) || answers.status == REQUEST_TIMEOUT;
        let is_cut = requests.last().is_some_and(|last| last.extent != Extent::Whole && waits(last));
        let is_answered = is_cut && answers.complete >= requests.len();
        let timed_out = is_answered && answers.status == REQUEST_TIMEOUT;
        let open = requests
            .iter()
            .enumerate()
            .filter(|(index, _)| *index >= answers.complete || (timed_out && index + 1 == requests.len()));
        let in_flight = open.clone().count() as u32;
        let phase = match open.clone().next() {
            _ if answers.tunnel => Phase::Tunnel,
            None if requests.is_empty() => Phase::Unused,
            None => Phase::Idle,
            Some((_, Request { extent: Extent::Head, .. })) => Phase::RequestHead,
            Some((_, Request { extent: Extent::Body(0), expects_continue: true, .. }))
                if !answers.interim && !timed_out =>
            {
                Phase::Waiting
            }
            Some((_, Request { extent: Extent::Body(_), .. })) => Phase::RequestBody,
            Some(_) if answers.begun => Phase::Response,
            Some(_) => Phase::Waiting,
        };
        State {
            phase,
            in_flight: if answers.tunnel { 0 } else { in_flight },
            announced: answers.last || requests.last().is_some_and(|request| request.last),
            until_close: answers.until_close,
            answered: answers.complete.min(requests.len()),
            early: is_answered && !timed_out,
            timed_out,
            lacks: answers.lacks,
        }
    }

    /// The request with this number, once its head is complete.
    pub(crate) fn asked(&self, number: usize) -> Option<Asked> {
        let mut rest = self.asked.as_slice();
        for before in 0.. {
            let head = Head::read(&mut rest)?;
            if before == number {
                let mut words = head.start.split(' ');
                return Some(Asked {
                    is_head: words.next() == Some("HEAD"),
                    target: words.next().unwrap_or_default().to_owned(),
                    expects_continue: head.has("expect", "100-continue"),
                });
            }
            if body(&head, &mut rest) != Extent::Whole {
                return None;
            }
        }
        None
    }

    /// Whether the body of a request that is not whole has begun.
    pub(crate) fn has_begun_body(&self) -> bool {
        requests(&self.asked).last().is_some_and(|request| matches!(request.extent, Extent::Body(1..)))
    }

    /// Whether everything that was asked has come whole.
    pub(crate) fn is_asked_whole(&self) -> bool {
        requests(&self.asked).iter().all(|request| request.extent == Extent::Whole)
    }
}

struct Head {
    start: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// Takes one head off the front; empty lines before it are noise (RFC 9112 section 2.2).
    fn read(rest: &mut &[u8]) -> Option<Self> {
        while let Some(after) = rest.strip_prefix(b"\r\n") {
            *rest = after;
        }
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(&rest[..end]).into_owned();
        *rest = &rest[end + 4..];
        let mut lines = text.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let fields = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_ascii_lowercase()))
            .collect();
        Some(Self { start, fields })
    }

    fn has(&self, name: &str, wanted: &str) -> bool {
        let values = self.fields.iter().filter(|(field, _)| field == name);
        values.flat_map(|(_, value)| value.split(',')).any(|value| value.trim() == wanted)
    }

    fn length(&self) -> Option<usize> {
        self.fields.iter().find(|(field, _)| field == "content-length")?.1.parse().ok()
    }

    fn is_last(&self, version: &str) -> bool {
        self.has("connection", "close") || (version == "HTTP/1.0" && !self.has("connection", "keep-alive"))
    }
}

/// Takes the body that the head announces off the front, as far as it came.
fn body(head: &Head, rest: &mut &[u8]) -> Extent {
    if head.has("transfer-encoding", "chunked") {
        return chunks(rest);
    }
    let length = head.length().unwrap_or(0);
    let came = rest.len().min(length);
    *rest = &rest[came..];
    if came == length { Extent::Whole } else { Extent::Body(came) }
}

fn chunks(rest: &mut &[u8]) -> Extent {
    let whole = rest.len();
    let mut at = *rest;
    loop {
        let Some(line) = take_line(&mut at) else { return Extent::Body(whole) };
        let size = line.split(';').next().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        match size {
            Some(0) => loop {
                match take_line(&mut at).as_deref() {
                    None => return Extent::Body(whole),
                    Some("") => {
                        *rest = at;
                        return Extent::Whole;
                    }
                    Some(_trailer) => {}
                }
            },
            Some(size) if at.len() >= size + 2 => at = &at[size + 2..],
            _ => return Extent::Body(whole),
        }
    }
}

fn take_line(rest: &mut &[u8]) -> Option<String> {
    let end = rest.windows(2).position(|window| window == b"\r\n")?;
    let line = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = &rest[end + 2..];
    Some(line)
}

fn requests(mut rest: &[u8]) -> Vec<Request> {
    let mut requests = Vec::new();
    loop {
        let Some(head) = Head::read(&mut rest) else {
            if !rest.is_empty() {
                let nothing = Request {
                    method: String::new(),
                    expects_continue: false,
                    last: false,
                    extent: Extent::Head,
                };
                requests.push(nothing);
            }
            return requests;
        };
        let extent = body(&head, &mut rest);
        let method = head.start.split(' ').next().unwrap_or_default().to_owned();
        let version = head.start.rsplit(' ').next().unwrap_or_default();
        let leaves_http = method == "CONNECT" || head.has("connection", "upgrade");
        requests.push(Request {
            expects_continue: head.has("expect", "100-continue"),
            last: head.is_last(version),
            method,
            extent,
        });
        // What follows an upgrade is no HTTP; a script does not pipeline behind one.
        if extent != Extent::Whole || leaves_http {
            return requests;
        }
    }
}

fn answers(mut rest: &[u8], requests: &[Request]) -> Answers {
    let mut answers = Answers::default();
    loop {
        answers.begun = !rest.is_empty();
        let Some(head) = Head::read(&mut rest) else { return answers };
        let status: u32 = head.start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let method = requests.get(answers.complete).map_or("", |request| request.method.as_str());
        match (status, method) {
            (101, _) | (200..300, "CONNECT") => {
                answers.tunnel = true;
                return answers;
            }
            (100..200, _) => {
                answers.interim = true;
                continue;
            }
            _ => {}
        }
        if answers.complete < requests.len() {
            answers.last = head.is_last(head.start.split(' ').next().unwrap_or_default());
        }
        let bodyless = method == "HEAD" || status == 204 || status == 304;
        let has_end = head.length().is_some() || head.has("transfer-encoding", "chunked");
        if !bodyless && !has_end {
            answers.until_close = true;
            return answers;
        }
        if !bodyless {
            let length = head.length().filter(|_| !head.has("transfer-encoding", "chunked"));
            if let Extent::Body(came) = body(&head, &mut rest) {
                answers.lacks = length.map(|length| length - came);
                return answers;
            }
        }
        answers.complete += 1;
        answers.status = status;
        answers.interim = false;
    }
}

#[cfg(test)]
mod tests;
