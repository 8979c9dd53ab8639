//! Where a conversation stands after so many bytes of either side, read the plain way: with both streams at
//! hand and nothing shared with the code that is tested.

use whohungup_core::labels::Phase;

use crate::conversation::Conversation;

const NEVER: usize = usize::MAX;

/// Positions in its stream; [`NEVER`] for what does not come.
#[derive(Clone, Debug)]
struct Message {
    start: usize,
    first_line: usize,
    head: usize,
    end: usize,
    status: u16,
    method: String,
    expects: bool,
    /// A response: somebody had asked.
    asked: bool,
    tunnel: bool,
}

#[derive(Debug)]
pub(crate) struct Oracle {
    requests: Vec<Message>,
    responses: Vec<Message>,
    /// Stretches of at least a few bytes of content, by direction.
    content: [Vec<(usize, usize)>; 2],
}

impl Oracle {
    pub(crate) fn read(conversation: &Conversation) -> Self {
        let mut oracle =
            Self { requests: Vec::new(), responses: Vec::new(), content: [Vec::new(), Vec::new()] };
        let (mut asked, mut from) = (0, 0);
        while let Some(start) = (from < conversation.responses.len()).then_some(from) {
            let requests_seen = seen_before(conversation, start);
            while let Some(request) = oracle.next_request(&conversation.requests, asked, requests_seen) {
                asked = request.end;
                oracle.requests.push(request);
            }
            let answered = oracle.responses.iter().filter(|one| one.asked && one.status >= 200).count();
            let to = oracle.requests.get(answered);
            let was_asked = to.is_some();
            let method = to.map_or("", |request| request.method.as_str()).to_owned();
            let mut response = oracle.message(&conversation.responses, start, false, &method);
            response.asked = was_asked;
            response.tunnel = response.status == 101 || (method == "CONNECT" && response.status / 100 == 2);
            from = if response.tunnel { NEVER } else { response.end };
            let ends = response.tunnel;
            oracle.responses.push(response);
            if ends {
                return oracle;
            }
        }
        while let Some(request) = oracle.next_request(&conversation.requests, asked, NEVER) {
            asked = request.end;
            oracle.requests.push(request);
        }
        oracle
    }

    /// Phase and requests in flight after so many bytes of either stream.
    pub(crate) fn at(&self, requests: usize, responses: usize) -> (Phase, u32) {
        let begun = self.requests.iter().filter(|one| one.start < requests).count();
        let finals = || self.responses.iter().filter(|one| one.asked && one.status >= 200);
        let answered = finals().filter(|one| one.end <= responses).count();
        if self.responses.iter().any(|one| one.tunnel && one.head <= responses) {
            return (Phase::Tunnel, 0);
        }
        let newest = self.requests.iter().rfind(|one| one.start < requests);
        let reported_to_go_on = self.responses.iter().rfind(|one| one.start < responses).is_some_and(|one| {
            let is_seen = if one.status == 408 { one.first_line } else { one.head } <= responses;
            one.asked && matches!(one.status, 100 | 408) && is_seen
        });
        let asking = newest.filter(|one| one.end > requests).and_then(|one| {
            let head_only = requests == one.head;
            if requests < one.head {
                Some(Phase::RequestHead)
            } else if one.expects && head_only && !reported_to_go_on {
                None
            } else {
                Some(Phase::RequestBody)
            }
        });
        let under_way = self.responses.iter().find(|one| one.start < responses && responses < one.end);
        let responding =
            under_way.filter(|one| one.asked && (responses < one.first_line || one.status >= 200));
        let open = begun - answered;
        let in_flight = u32::try_from(open).expect("few");
        match (open, asking, responding) {
            (1, Some(phase), _) => (phase, 1),
            // Answered before all of it had come: it is over, unless the server says that the rest came too late.
            (0, Some(phase), _) => {
                let newest = finals().rfind(|one| one.end <= responses);
                if newest.is_some_and(|one| one.status == 408) { (phase, 1) } else { (Phase::Idle, 0) }
            }
            (0, None, _) if begun == 0 => (Phase::Unused, 0),
            (0, None, _) => (Phase::Idle, 0),
            (_, _, Some(_)) => (Phase::Response, in_flight),
            (_, _, None) => (Phase::Waiting, in_flight),
        }
    }

    /// Positions at which something begins or ends.
    pub(crate) fn boundaries(&self, asks: bool) -> Vec<usize> {
        let messages = if asks { &self.requests } else { &self.responses };
        let mut all: Vec<_> = messages.iter().flat_map(|m| [m.start, m.first_line, m.head, m.end]).collect();
        all.extend(self.content[usize::from(asks)].iter().flat_map(|&(from, to)| [from, to]));
        all.retain(|&at| at != NEVER);
        all.sort_unstable();
        all
    }

    /// Whether the byte at `at` is content like its neighbours.
    pub(crate) fn is_content(&self, asks: bool, at: usize) -> bool {
        self.content[usize::from(asks)].iter().any(|&(from, to)| from + 4 < at && at + 4 < to)
    }

    fn next_request(&mut self, bytes: &[u8], from: usize, seen: usize) -> Option<Message> {
        let empty = bytes.get(from..)?.iter().take_while(|byte| b"\r\n".contains(byte)).count();
        let start = from + empty;
        (start < bytes.len().min(seen)).then(|| self.message(bytes, start, true, ""))
    }

    /// Reads the message at `start`; a response is one to a request with this `method`.
    fn message(&mut self, bytes: &[u8], start: usize, asks: bool, method: &str) -> Message {
        let mut message = Message {
            start,
            first_line: NEVER,
            head: NEVER,
            end: NEVER,
            status: 200,
            method: String::new(),
            expects: false,
            asked: true,
            tunnel: false,
        };
        let Some((first, mut at)) = line(bytes, start) else { return message };
        message.first_line = at;
        let word = |n| first.split(' ').nth(n).unwrap_or("").to_owned();
        if asks {
            message.method = word(0);
        } else {
            message.status = word(1).parse().expect("a status");
        }
        let (mut length, mut coding) = (None, None);
        loop {
            let Some((field, next)) = line(bytes, at) else { return message };
            at = next;
            if field.is_empty() {
                break;
            }
            let (name, value) = field.split_once(':').expect("a field");
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = Some(value.trim().parse::<usize>().expect("a length")),
                "transfer-encoding" => {
                    coding = value.rsplit(',').next().map(|last| last.trim().to_ascii_lowercase());
                }
                "expect" => message.expects = true,
                _ => {}
            }
        }
        message.head = at;
        let bodiless =
            !asks && (message.status < 200 || matches!(message.status, 204 | 304) || method == "HEAD");
        message.end = match (coding, length) {
            _ if bodiless => at,
            (Some(coding), _) if coding == "chunked" => self.chunks(bytes, at, asks),
            (None, Some(length)) => at + self.content(asks, at, length),
            _ if asks => at,
            _ => NEVER,
        };
        message
    }

    fn chunks(&mut self, bytes: &[u8], mut at: usize, asks: bool) -> usize {
        loop {
            let Some((size, next)) = line(bytes, at) else { return NEVER };
            let digits: String = size.chars().take_while(char::is_ascii_hexdigit).collect();
            let size = usize::from_str_radix(&digits, 16).expect("a size");
            at = next;
            if size == 0 {
                break;
            }
            at += self.content(asks, at, size) + 2;
        }
        loop {
            let Some((trailer, next)) = line(bytes, at) else { return NEVER };
            at = next;
            if trailer.is_empty() {
                return at;
            }
        }
    }

    fn content(&mut self, asks: bool, at: usize, len: usize) -> usize {
        self.content[usize::from(asks)].push((at, at + len));
        len
    }
}

/// The line at `at`, without its end, and where the next begins.
fn line(bytes: &[u8], at: usize) -> Option<(String, usize)> {
    let len = bytes.get(at..)?.iter().position(|&byte| byte == b'\n')?;
    let text = String::from_utf8_lossy(&bytes[at..at + len]);
    Some((text.strip_suffix('\r').unwrap_or(&text).to_owned(), at + len + 1))
}

/// How many bytes of requests have passed before the response byte at `at` does.
fn seen_before(conversation: &Conversation, at: usize) -> usize {
    let (mut requests, mut responses) = (0, 0);
    for run in &conversation.runs {
        if run.asks {
            requests += run.len;
        } else {
            responses += run.len;
            if responses > at {
                break;
            }
        }
    }
    requests
}
