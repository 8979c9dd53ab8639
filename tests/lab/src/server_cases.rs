//! What a raw client does to a server, byte by byte.

use crate::truth::Phase;

/// One step of a raw client.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// Writes this at once.
    Send(&'static str),
    /// Writes this a byte at a time, each in a segment of its own.
    Pieces(&'static str),
    /// Waits for so many complete responses on the connection.
    Answers(usize),
    /// Waits until a response has begun.
    Begun,
    /// Waits for the response that opens a tunnel.
    Tunnel,
    /// Waits until the other scripts have done what they do.
    Pause,
    /// Writes these HTTP/2 frames at once.
    Frames(&'static [Frame]),
}

/// A script that ends in a phase.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [Step],
    /// Where it leads: phase and requests in flight. Whether a server grants leave to send a body is its
    /// own affair, so there may be two.
    pub(crate) leads_to: &'static [(Phase, u32)],
    pub(crate) ends: Ends,
}

/// Who may end a script's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Either side, in every way that it has.
    All,
    /// The same, and until then the client reads no further.
    Unread,
    /// The server, of itself: one of the messages announces it, or its own backend has failed.
    Itself,
    /// Only a proxy can be brought to it; ended from below, by the backend.
    Below,
}

/// What an HTTP/2 client sends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Frame {
    /// The preface and its SETTINGS.
    Preface,
    /// The first part of a HEADERS frame.
    PartOfHead,
    /// HEADERS and some DATA of a call to this path on this stream.
    Begin(u32, &'static str),
    /// The same, with END_STREAM.
    Call(u32, &'static str),
    /// RST_STREAM.
    Cancel(u32),
    /// PING.
    Ping,
}

use Frame::{Begin, Call, Cancel, PartOfHead, Ping, Preface};
use Phase::{Idle, RequestBody, RequestHead, Response, Tunnel, Unused, Waiting};
use Step::{Answers, Begun, Frames, Pause, Pieces, Send, Tunnel as Opened};

const fn case(name: &'static str, leads_to: &'static [(Phase, u32)], steps: &'static [Step]) -> Case {
    Case { name, steps, leads_to, ends: Ends::All }
}

impl Case {
    const fn ended(self, ends: Ends) -> Self {
        Self { ends, ..self }
    }
}

const GET: Step = Send("GET /fast HTTP/1.1\r\nHost: lab\r\n\r\n");
const HALF: &str = "GET /fast HTTP/1.1\r\nHost: la";
const LENGTH: &str = "POST /fast HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000\r\n\r\n0123456789";
const CHUNKED: &str =
    "POST /fast HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n";
const SLEEP: Step = Send("GET /sleep HTTP/1.1\r\nHost: lab\r\n\r\n");

/// HTTP/1.1: every phase, as many ways as there are into it.
pub(crate) const HTTP1: &[Case] = &[
    case("unused", &[(Unused, 0)], &[]),
    // RFC 9112 section 2.2: an empty line before a request is to be ignored.
    case("unused-empty-line", &[(Unused, 0)], &[Send("\r\n")]),
    case("head", &[(RequestHead, 1)], &[Send(HALF)]),
    case("head-in-pieces", &[(RequestHead, 1)], &[Pieces(HALF)]),
    case("head-after-empty-line", &[(RequestHead, 1)], &[Send("\r\nGET /fast HT")]),
    case("head-reused", &[(RequestHead, 1)], &[GET, Answers(1), Send(HALF)]),
    case("body-length", &[(RequestBody, 1)], &[Send(LENGTH)]),
    case("body-chunked", &[(RequestBody, 1)], &[Send(CHUNKED)]),
    case(
        "body-chunked-in-chunk",
        &[(RequestBody, 1)],
        &[
            Send("POST /fast HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Send("5\r\nhello\r\n"),
            Send("5\r\n0\r\n\r"),
        ],
    ),
    case("body-reused", &[(RequestBody, 1)], &[GET, Answers(1), Send(LENGTH)]),
    // The answer to a request that is not whole does not end it.
    case(
        "body-answered",
        &[(RequestBody, 1)],
        &[Send("POST /early HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000\r\n\r\n0123456789"), Answers(1)],
    ),
    // Before the 100 or the first byte the body has not begun.
    case(
        "continue",
        &[(Waiting, 1), (RequestBody, 1)],
        &[Send("POST /fast HTTP/1.1\r\nHost: lab\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")],
    ),
    case("waiting", &[(Waiting, 1)], &[SLEEP]),
    case("waiting-reused", &[(Waiting, 1)], &[GET, Answers(1), SLEEP]),
    case(
        "waiting-post",
        &[(Waiting, 1)],
        &[Send("POST /sleep HTTP/1.1\r\nHost: lab\r\nContent-Length: 10\r\n\r\n"), Send("0123456789")],
    ),
    case(
        "waiting-trailers",
        &[(Waiting, 1)],
        &[Send(
            "POST /sleep HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n\r\n\
         5\r\nhello\r\n0\r\nSum: 1\r\n\r\n",
        )],
    ),
    case(
        "pipelined",
        &[(Waiting, 2)],
        &[Send("GET /sleep HTTP/1.1\r\nHost: lab\r\n\r\nGET /fast HTTP/1.1\r\nHost: lab\r\n\r\n")],
    ),
    case(
        "pipelined-answered",
        &[(Waiting, 2)],
        &[
            Send(
                "GET /fast HTTP/1.1\r\nHost: lab\r\n\r\nGET /sleep HTTP/1.1\r\nHost: lab\r\n\r\n\
             GET /fast HTTP/1.1\r\nHost: lab\r\n\r\n",
            ),
            Answers(1),
        ],
    ),
    case(
        "pipelined-response",
        &[(Response, 2)],
        &[Send("GET /slow HTTP/1.1\r\nHost: lab\r\n\r\nGET /fast HTTP/1.1\r\nHost: lab\r\n\r\n"), Begun],
    ),
    case("response-length", &[(Response, 1)], &[Send("GET /slow HTTP/1.1\r\nHost: lab\r\n\r\n"), Begun]),
    case(
        "response-chunked",
        &[(Response, 1)],
        &[Send("GET /slow-chunked HTTP/1.1\r\nHost: lab\r\n\r\n"), Begun],
    ),
    // More than all buffers take, and the client reads no further.
    case("response-large", &[(Response, 1)], &[Send("GET /large HTTP/1.1\r\nHost: lab\r\n\r\n"), Begun])
        .ended(Ends::Unread),
    case("idle", &[(Idle, 0)], &[GET, Answers(1)]),
    case("idle-reused", &[(Idle, 0)], &[GET, Answers(1), GET, Answers(2), GET, Answers(3)]),
    case("idle-in-pieces", &[(Idle, 0)], &[Pieces("GET /fast HTTP/1.1\r\nHost: lab\r\n\r\n"), Answers(1)]),
    case(
        "idle-pipelined",
        &[(Idle, 0)],
        &[Send("GET /fast HTTP/1.1\r\nHost: lab\r\n\r\nGET /fast HTTP/1.1\r\nHost: lab\r\n\r\n"), Answers(2)],
    ),
    case("idle-head", &[(Idle, 0)], &[Send("HEAD /fast HTTP/1.1\r\nHost: lab\r\n\r\n"), Answers(1)]),
    case("idle-204", &[(Idle, 0)], &[Send("GET /empty HTTP/1.1\r\nHost: lab\r\n\r\n"), Answers(1)]),
    case("idle-304", &[(Idle, 0)], &[Send("GET /unchanged HTTP/1.1\r\nHost: lab\r\n\r\n"), Answers(1)]),
    case(
        "idle-post",
        &[(Idle, 0)],
        &[Send("POST /fast HTTP/1.1\r\nHost: lab\r\nContent-Length: 10\r\n\r\n0123456789"), Answers(1)],
    ),
    // Some clients end a body with an empty line: noise.
    case(
        "idle-empty-line",
        &[(Idle, 0)],
        &[Send("POST /fast HTTP/1.1\r\nHost: lab\r\nContent-Length: 10\r\n\r\n0123456789\r\n"), Answers(1)],
    ),
    case(
        "last-asked",
        &[(Idle, 0)],
        &[Send("GET /fast HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"), Answers(1)],
    )
    .ended(Ends::Itself),
    case("last-http10", &[(Idle, 0)], &[Send("GET /fast HTTP/1.0\r\nHost: lab\r\n\r\n"), Answers(1)])
        .ended(Ends::Itself),
    case(
        "below-waiting-fin",
        &[(Idle, 0)],
        &[Send("GET /sleep?close HTTP/1.1\r\nHost: lab\r\n\r\n"), Answers(1)],
    )
    .ended(Ends::Below),
    case(
        "below-waiting-rst",
        &[(Idle, 0)],
        &[Send("GET /sleep?reset HTTP/1.1\r\nHost: lab\r\n\r\n"), Answers(1)],
    )
    .ended(Ends::Below),
    case(
        "below-response-fin",
        &[(Response, 1)],
        &[Send("GET /slow?close HTTP/1.1\r\nHost: lab\r\n\r\n"), Begun],
    )
    .ended(Ends::Below),
    // The RST may overtake what the proxy had not read; then it answers in its own words.
    case(
        "below-response-rst",
        &[(Response, 1), (Idle, 0)],
        &[Send("GET /slow-chunked?reset HTTP/1.1\r\nHost: lab\r\n\r\n"), Begun],
    )
    .ended(Ends::Below),
    case(
        "tunnel",
        &[(Tunnel, 0)],
        &[
            Send(
                "GET /upgrade HTTP/1.1\r\nHost: lab\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            ),
            Opened,
        ],
    ),
    // The last ones: a proxy's pool may keep what they leave, and nobody takes it up again.
    case("idle-chunked", &[(Idle, 0)], &[Send("GET /chunked HTTP/1.1\r\nHost: lab\r\n\r\n"), Answers(1)]),
    case(
        "below-idle-fin",
        &[(Idle, 0)],
        &[Pause, Send("GET /chunked?close HTTP/1.1\r\nHost: lab\r\n\r\n"), Answers(1)],
    )
    .ended(Ends::Below),
];

/// HTTP/2 in clear text, without an upgrade. SETTINGS, PING and their acknowledgments are no requests.
pub(crate) const HTTP2: &[Case] = &[
    case("unused", &[(Unused, 0)], &[]),
    case("unused-preface", &[(Unused, 0)], &[Frames(&[Preface])]),
    case("head", &[(RequestHead, 1)], &[Frames(&[Preface, PartOfHead])]),
    case("body", &[(RequestBody, 1)], &[Frames(&[Preface]), Frames(&[Begin(1, "/lab/upload")])]),
    case("waiting", &[(Waiting, 1)], &[Frames(&[Preface, Call(1, "/lab/sleep")])]),
    case(
        "several-waiting",
        &[(Waiting, 3)],
        &[Frames(&[Preface, Call(1, "/lab/sleep"), Call(3, "/lab/sleep"), Call(5, "/lab/sleep")])],
    ),
    // The second is answered while the first is not.
    case(
        "waiting-other-answered",
        &[(Waiting, 1)],
        &[Frames(&[Preface, Call(1, "/lab/sleep"), Call(3, "/lab/fast")]), Answers(1)],
    ),
    case("response", &[(Response, 1)], &[Frames(&[Preface, Call(1, "/lab/slow")]), Begun]),
    case("idle", &[(Idle, 0)], &[Frames(&[Preface, Call(1, "/lab/fast")]), Answers(1)]),
    case(
        "idle-reused",
        &[(Idle, 0)],
        &[
            Frames(&[Preface, Call(1, "/lab/fast")]),
            Answers(1),
            Frames(&[Call(3, "/lab/fast"), Call(5, "/lab/fast")]),
            Answers(3),
            Frames(&[Ping]),
        ],
    ),
    case("idle-cancelled", &[(Idle, 0)], &[Frames(&[Preface, Call(1, "/lab/sleep")]), Frames(&[Cancel(1)])]),
];
