//! Random TLS: whatever the records are, and a closing alert changes nothing that is reported.

use fastrand::Rng;
use whohungup_core::http::{self, Written};
use whohungup_ebpf::{
    exchange::{Exchange, IN, OUT},
    framing::sample::follow,
};
use zerocopy::FromZeros as _;

fn record(rng: &mut Rng, kind: u8, len: u16) -> Vec<u8> {
    let mut bytes = vec![kind, 3, 3];
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend(std::iter::repeat_with(|| rng.u8(..)).take(usize::from(len)));
    bytes
}

/// Plays one connection of random records with an alert behind some of them; how many alerts there were.
pub(crate) fn play(rng: &mut Rng) -> u64 {
    let mut exchange = Exchange::new_zeroed();
    let (mut seqs, mut now, mut alerts) = ([rng.u32(..), rng.u32(..)], 0, 0);
    let client = if rng.bool() { IN } else { OUT };
    let is_13 = rng.bool();
    let says = |exchange: &mut Exchange,
                rng: &mut Rng,
                direction: u8,
                bytes: &[u8],
                now: u32,
                seqs: &mut [u32; 2]| {
        // The first segment is recognised whole.
        let mut passed = 0;
        while passed < bytes.len() {
            let least = if exchange.segments == 0 { 6 } else { 1 };
            let len = rng.usize(least..40 + least).min(bytes.len() - passed);
            let seq = &mut seqs[usize::from(direction)];
            follow(exchange, direction, *seq, &bytes[passed..passed + len], now);
            *seq = seq.wrapping_add(len as u32);
            passed += len;
        }
    };
    let hello = record(rng, 22, 200);
    says(&mut exchange, rng, client, &hello, now, &mut seqs);
    for _ in 0..rng.usize(..30) {
        now += 1;
        let direction = rng.u8(..2);
        let kind = [20, 21, 22, 23, 23, 23][rng.usize(..6)];
        let len = if rng.bool() { rng.u16(..64) } else { rng.u16(..2000) };
        let bytes = record(rng, kind, len);
        says(&mut exchange, rng, direction, &bytes, now, &mut seqs);
        let reported = |exchange: &Exchange, write_seq| {
            let standing = http::read(exchange, Written { write_seq, sent_seq: write_seq });
            assert!(!standing.exact, "nobody can read what is encrypted");
            (standing.phase, standing.in_flight, standing.response_end)
        };
        let before = reported(&exchange, seqs[1]);
        // TLS 1.3: like data, 24 bytes with the header. TLS 1.2 with an AEAD: 31.
        let alert = if is_13 { record(rng, 23, 19) } else { record(rng, 21, 26) };
        let direction = rng.u8(..2);
        says(&mut exchange, rng, direction, &alert, now + 100, &mut seqs);
        assert_eq!(reported(&exchange, seqs[1]), before);
        alerts += 1;
        now += 100;
    }
    alerts
}
