//! Queues, which have no name of their own in a report: Gearman (its PROTOCOL), beanstalkd (its doc/protocol.txt), STOMP.
//! A command of the first two may wait for as long as there is no work, behind others that were sent with it and are answered at once.

use super::{Edges, Message, Said, State, Word};
use crate::labels::Cause;

pub(super) fn read(edges: &Edges<'_>) -> Said {
    if is_stomp(&edges.client.opening) {
        return stomp(edges);
    }
    let state = if edges.client.opening.starts_with(b"\0REQ") { gearman(edges) } else { beanstalkd(edges) };
    state.map_or_else(Said::default, |state| Said { state, is_guess: true, ..Said::default() })
}

/// STOMP (its specification 1.2): nothing is answered but what asks for a receipt, and an end of line alone is a heartbeat.
fn stomp(edges: &Edges<'_>) -> Said {
    let (client, server) = (&edges.client, &edges.server);
    let takes_leave = |message: &Message<'_>| message.starts_with(b"DISCONNECT");
    let is_error = server.newest.starts_with(b"ERROR\n") || server.newest.starts_with(b"ERROR\r\n");
    let word = is_error.then(|| Word {
        cause: Cause::ServerError,
        code: "ERROR".to_owned(),
        is_answer: server.turns <= 1,
    });
    let state = if server.turns == 0 { State::Turns } else { State::Idle };
    let farewell = word.is_none() && (takes_leave(&client.newest) || takes_leave(&client.turn));
    Said { state, farewell, word, is_guess: true, ..Said::default() }
}

fn is_stomp(opening: &Message<'_>) -> bool {
    let begins = |with: &[u8]| opening.starts_with(with);
    begins(b"CONNECT\n") || begins(b"STOMP\n") || begins(b"CONNECT\r\n") || begins(b"STOMP\r\n")
}

/// Packets that have no answer: CAN_DO, CANT_DO, RESET_ABILITIES, PRE_SLEEP, WORK_STATUS, WORK_COMPLETE, WORK_FAIL,
/// SET_CLIENT_ID, CAN_DO_TIMEOUT, ALL_YOURS, WORK_EXCEPTION, WORK_DATA, WORK_WARNING.
const QUIET: [u32; 13] = [1, 2, 3, 4, 12, 13, 14, 22, 23, 24, 25, 28, 29];
/// SUBMIT_JOB, and the same with a high or a low priority: the answer is what the work comes to.
const SUBMIT: [u32; 3] = [7, 21, 33];
const JOB_CREATED: u32 = 8;
/// WORK_STATUS, WORK_DATA, WORK_WARNING: there is more to come.
const PARTS: [u32; 3] = [12, 28, 29];
/// PRE_SLEEP, as the end of several packets.
const PRE_SLEEP_TAIL: [u8; 8] = [0, 0, 0, 4, 0, 0, 0, 0];
const HEADER: u32 = 12;

fn gearman(edges: &Edges<'_>) -> Option<State> {
    let (asked, answer) = (&edges.client.newest, &edges.server.newest);
    if edges.client_spoke_last {
        let is_quiet = alone(asked, b"\0REQ").is_some_and(|kind| QUIET.contains(&kind));
        return (is_quiet || asked.tail == PRE_SLEEP_TAIL).then_some(State::Idle);
    }
    kind(&edges.client.turn, b"\0REQ").filter(|kind| SUBMIT.contains(kind))?;
    match alone(answer, b"\0RES")? {
        JOB_CREATED => Some(State::Asked),
        part if PARTS.contains(&part) => Some(State::Answering),
        _ => None,
    }
}

fn kind(message: &Message<'_>, magic: &[u8]) -> Option<u32> {
    message.be32(4).filter(|_| message.starts_with(magic))
}

/// The kind of a packet that is all of its message.
fn alone(message: &Message<'_>, magic: &[u8]) -> Option<u32> {
    let is_alone = message.be32(8).is_some_and(|size| size.checked_add(HEADER) == Some(message.len));
    kind(message, magic).filter(|_| is_alone)
}

/// `reserve` behind other commands is not answered by their answers.
fn beanstalkd(edges: &Edges<'_>) -> Option<State> {
    const COMMANDS: [&[u8]; 5] = [b"put ", b"use ", b"watch ", b"ignore ", b"reserve"];
    const ANSWERS: [&[u8]; 5] = [b"INSERTED ", b"USING ", b"WATCHING ", b"RESERVED ", b"TIMED_OUT"];
    let (asked, answer) = (&edges.client.newest, &edges.server.newest);
    let begins = |message: &Message<'_>, with: &[&[u8]]| with.iter().any(|word| message.starts_with(word));
    let is_spoken = begins(&edges.client.opening, &COMMANDS) && begins(&edges.server.opening, &ANSWERS);
    let is_behind_others = reserves(asked) && !asked.starts_with(b"reserve");
    let is_over = answer.first.windows(8).any(|word| word == b"RESERVED")
        || answer.ends_with(b"ED_OUT\r\n")
        || answer.ends_with(b"E_SOON\r\n");
    (is_spoken && is_behind_others && !edges.client_spoke_last && !is_over).then_some(State::Asked)
}

/// Ends with `reserve`, or `reserve-with-timeout` and its seconds.
fn reserves(message: &Message<'_>) -> bool {
    let line = message.tail.strip_suffix(b"\r\n").unwrap_or_default();
    let digits = line.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let before = line.get(..line.len() - digits).unwrap_or_default();
    message.ends_with(b"eserve\r\n") || (digits > 0 && before.ends_with(b"ut "))
}
