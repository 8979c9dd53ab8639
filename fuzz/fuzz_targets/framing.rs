//! Arbitrary segments: any direction, any sequence number, any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whohungup_core::http::{self, Written};
use whohungup_ebpf::{
    exchange::{Exchange, HEAD_BYTES, OUT, Stream, TUNNEL, state},
    framing::sample::follow,
};
use zerocopy::FromZeros as _;

/// Each segment: direction and what else happens, a jump of the sequence number, a length, the bytes.
fuzz_target!(|input: &[u8]| {
    let mut exchange = Exchange::new_zeroed();
    let mut seqs = [0xffff_ff00_u32, 7];
    let (mut rest, mut now) = (input, 0_u32);
    while let [what, jump, len, after @ ..] = rest {
        let direction = what & 1;
        // Most segments follow the one before.
        let jump = if what & 0xe == 0 { i32::from(*jump as i8) } else { 0 };
        let len = (usize::from(*len) << (what >> 4 & 3)).min(after.len());
        let (bytes, next) = after.split_at(len);
        let seq = seqs[usize::from(direction)].wrapping_add_signed(jump);
        now = now.wrapping_add(u32::from(what >> 6));
        follow(&mut exchange, direction, seq, bytes, now);
        seqs[usize::from(direction)] = seq.wrapping_add(len as u32);
        rest = next;

        exchange.streams.iter().for_each(check_stream);
        if http::is_read(&exchange) {
            assert!(exchange.answered <= exchange.begun, "more answers than requests");
            let write_seq = seqs[usize::from(OUT)];
            let standing = http::read(&exchange, Written { write_seq, sent_seq: write_seq });
            assert!(standing.in_flight.is_none_or(|n| n <= exchange.begun.max(1)), "{standing:?}");
            assert_eq!(
                standing.phase.is_in_flight(),
                standing.in_flight.is_some_and(|n| n > 0) && standing.phase.as_str() != "unknown",
                "{standing:?}"
            );
        }
        if exchange.flags & TUNNEL != 0 {
            let is_behind = |stream: &Stream| matches!(stream.state, state::TUNNEL | state::WEBSOCKET);
            assert!(exchange.streams.iter().all(is_behind));
        }
    }
});

fn check_stream(stream: &Stream) {
    assert!(usize::from(stream.head_len) <= HEAD_BYTES && usize::from(stream.held) <= HEAD_BYTES);
    assert!(usize::from(stream.line) <= HEAD_BYTES && stream.state <= state::WEBSOCKET);
    // Loads past the end of the window find zeros.
    assert_eq!(stream.head[HEAD_BYTES..], [0; 8]);
}
