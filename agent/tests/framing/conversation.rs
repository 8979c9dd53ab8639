//! Random conversations: two byte streams and the order in which their bytes pass.

use fastrand::Rng;

use crate::message::{self, Message};

/// Bytes of one direction that pass before the next of the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) asks: bool,
    pub(crate) len: usize,
}

#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) requests: Vec<u8>,
    pub(crate) responses: Vec<u8>,
    pub(crate) runs: Vec<Run>,
}

/// One direction while it is made up.
#[derive(Debug, Default)]
struct Script {
    bytes: Vec<u8>,
    /// From this position on, bytes go only when so many of the other direction have.
    gates: Vec<(usize, usize)>,
}

impl Script {
    fn says(&mut self, message: &[u8]) {
        self.bytes.extend_from_slice(message);
    }

    fn waits_for(&mut self, others: usize) {
        self.gates.push((self.bytes.len(), others));
    }

    fn may_go_to(&self, others: usize) -> usize {
        let shut = self.gates.iter().filter(|&&(_, wants)| wants > others).map(|&(at, _)| at);
        shut.min().unwrap_or(self.bytes.len())
    }
}

/// A conversation in which both sides keep to the protocol.
pub(crate) fn conversation(rng: &mut Rng) -> Conversation {
    let (mut asks, mut answers) = (Script::default(), Script::default());
    let pipelines = rng.u8(..4) == 0;
    let exchanges = match rng.u8(..12) {
        0 if pipelines => rng.usize(..21),
        0..=5 => 1,
        _ => rng.usize(1..5),
    };
    let mut noise_begins = 0;
    for number in 0..exchanges {
        let is_last = number + 1 == exchanges;
        asks.waits_for(noise_begins);
        if !pipelines || rng.u8(..4) == 0 {
            asks.waits_for(answers.bytes.len());
        }
        for _ in 0..if rng.u8(..8) == 0 { rng.usize(1..3) } else { 0 } {
            asks.says(if rng.u8(..6) == 0 { b"\n" } else { b"\r\n" });
        }
        let request = message::request(rng, number == 0);
        if is_last && end_specially(rng, &mut asks, &mut answers, &request) {
            break;
        }
        exchange(rng, &mut asks, &mut answers, &request, is_last);
        if rng.u8(..16) == 0 {
            // Into the idle connection: nobody asked, and nobody does before it has begun.
            answers.waits_for(asks.bytes.len());
            noise_begins = answers.bytes.len() + 1;
            let timeout = message::bare(rng, 408, "Content-Length: 0");
            answers.says(&timeout.bytes);
        }
    }
    let runs = interleave(rng, &asks, &answers);
    Conversation { requests: asks.bytes, responses: answers.bytes, runs }
}

/// A request and what is answered to it.
fn exchange(rng: &mut Rng, asks: &mut Script, answers: &mut Script, request: &Message, is_last: bool) {
    let begins = asks.bytes.len();
    let (head, end) = (begins + request.head, begins + request.bytes.len());
    asks.says(&request.bytes[..request.head]);
    let early = request.bytes.len() > request.head && rng.u8(..5) == 0;
    answers.waits_for(head);
    if request.expects && rng.u8(..4) > 0 {
        answers.says(&message::interim(rng, 100).bytes);
        if rng.u8(..4) > 0 {
            asks.waits_for(answers.bytes.len());
        }
    }
    asks.says(&request.bytes[request.head..]);
    answers.waits_for(if early { rng.usize(head..end) } else { end });
    for _ in 0..if rng.u8(..8) == 0 { rng.usize(1..4) } else { 0 } {
        let status = [102, 103, 199][rng.usize(..3)];
        answers.says(&message::interim(rng, status).bytes);
    }
    answers.says(&message::response(rng, request, is_last).bytes);
}

/// Ends after which no request can follow.
fn end_specially(rng: &mut Rng, asks: &mut Script, answers: &mut Script, request: &Message) -> bool {
    let begins = asks.bytes.len();
    match rng.u8(..10) {
        // The head is cut short, and answered all the same.
        0 if !request.is_head && !request.is_connect => {
            asks.says(&request.bytes[..rng.usize(1..request.head)]);
            answers.waits_for(asks.bytes.len());
            let status = [400, 408, 431][rng.usize(..3)];
            answers.says(&message::bare(rng, status, "Content-Length: 0").bytes);
        }
        // A final answer instead of a 100: the body never comes.
        1 | 2 if request.expects => {
            asks.says(&request.bytes[..request.head]);
            answers.waits_for(asks.bytes.len());
            answers.says(&message::bare(rng, 417, "content-length:0").bytes);
        }
        3 | 4 if begins > 0 || !request.is_connect => {
            asks.says(&request.bytes);
            answers.waits_for(asks.bytes.len());
            let answer = if request.is_connect {
                message::bare(rng, 200, "Content-Length: 7")
            } else {
                message::bare(rng, 101, "Upgrade: x")
            };
            answers.says(&answer.bytes);
            asks.waits_for(answers.bytes.len());
            asks.says(&message::raw(rng));
            answers.says(&message::raw(rng));
        }
        _ => return false,
    }
    true
}

/// Lets bytes go in an order that the gates allow.
fn interleave(rng: &mut Rng, asks: &Script, answers: &Script) -> Vec<Run> {
    let (mut asked, mut answered) = (0, 0);
    let mut runs: Vec<Run> = Vec::new();
    let patience = rng.u8(1..8);
    while asked < asks.bytes.len() || answered < answers.bytes.len() {
        let (may_ask, may_answer) = (asks.may_go_to(answered) - asked, answers.may_go_to(asked) - answered);
        assert!(may_ask + may_answer > 0, "a conversation that cannot go on");
        let turn = may_ask > 0 && (may_answer == 0 || rng.u8(..8) < patience);
        let may = if turn { may_ask } else { may_answer };
        let len = if rng.u8(..4) > 0 { may } else { rng.usize(1..=may) };
        *(if turn { &mut asked } else { &mut answered }) += len;
        runs.push(Run { asks: turn, len });
    }
    runs
}
