//! Arbitrary segments of a protocol that is neither HTTP nor TLS: any direction, any sequence number, any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whohungup_core::protocol::{State, read, recognise};
use whohungup_ebpf::{
    exchange::{IN, OUT},
    framing::sample::{begun, converse},
};

/// Each segment: direction and what else happens, a jump of the sequence number, a length, the bytes.
fuzz_target!(|input: &[u8]| {
    let [how, rest @ ..] = input else { return };
    let mut conversation = begun(how & 1, how & 2 != 0);
    let mut seqs = [0xffff_ff00_u32, 7];
    let (mut rest, mut now) = (rest, 0_u32);
    while let [what, jump, len, after @ ..] = rest {
        let direction = what & 1;
        // Most segments follow the one before.
        let jump = if what & 0xe == 0 { i32::from(*jump as i8) } else { 0 };
        let (bytes, next) = after.split_at(usize::from(*len).min(after.len()));
        let seq = seqs[usize::from(direction)].wrapping_add_signed(jump);
        now = now.wrapping_add(u32::from(what >> 6));
        converse(&mut conversation, direction, seq, bytes, now);
        seqs[usize::from(direction)] = seq.wrapping_add(bytes.len() as u32);
        rest = next;
        for client in [IN, OUT] {
            let reading = read(&conversation, client);
            assert_eq!(reading.protocol, recognise(&conversation, client));
            let client_last = conversation.last_direction == client;
            assert!(reading.said.state != State::Answering || !client_last, "{reading:?}");
        }
    }
});
