//! Arbitrary bytes as the captured head of a response.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whohungup_core::http::{self, Written};
use whohungup_ebpf::exchange::{Exchange, HTTP, OUT, notes, state};
use zerocopy::FromZeros as _;

fuzz_target!(|input: &[u8]| {
    let [said, head @ ..] = input else { return };
    let mut exchange = Exchange::new_zeroed();
    (exchange.protocol, exchange.begun) = (HTTP, 1);
    let response = &mut exchange.streams[usize::from(OUT)];
    response.notes = notes::FIRST_LINE | u16::from(*said);
    response.state = state::HEAD;
    let len = head.len().min(response.head.len());
    response.head[..len].copy_from_slice(&head[..len]);
    response.head_len = len as u16;
    let standing = http::read(&exchange, Written { write_seq: 0, sent_seq: 0 });
    assert!(standing.server.is_none_or(|server| server.chars().count() <= 64 && !server.contains('\n')));
});
