//! Random TLS: whatever the records are, and a closing alert changes nothing that is reported.

use fastrand::Rng;
use whohungup_core::http::{self, Written};
use whohungup_ebpf::{
    exchange::{Exchange, IN, OUT},
    framing::sample::follow,
    tls_records::{TlsRecords, tls},
};
use zerocopy::FromZeros as _;

fn record(rng: &mut Rng, kind: u8, len: u16) -> Vec<u8> {
    let mut bytes = vec![kind, 3, 3];
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend(std::iter::repeat_with(|| rng.u8(..)).take(usize::from(len)));
    bytes
}

/// A ClientHello that offers these protocols (RFC 8446 section 4.1.2; RFC 7301 section 3.1), among extensions of any length.
fn client_hello(rng: &mut Rng, offered: &[&str]) -> Vec<u8> {
    let short = |bytes: &[u8]| [vec![bytes.len() as u8], bytes.to_vec()].concat();
    let long = |bytes: &[u8]| [(bytes.len() as u16).to_be_bytes().to_vec(), bytes.to_vec()].concat();
    let names: Vec<u8> = offered.iter().flat_map(|name| short(name.as_bytes())).collect();
    let mut kinds = vec![0_u16, 10, 23, 43, 51];
    kinds.extend((!offered.is_empty()).then_some(16));
    rng.shuffle(&mut kinds);
    let extensions: Vec<u8> = kinds
        .into_iter()
        .flat_map(|kind| {
            let body = if kind == 16 { long(&names) } else { vec![0x68; rng.usize(..1300)] };
            [kind.to_be_bytes().to_vec(), long(&body)].concat()
        })
        .collect();
    let session = vec![7; rng.usize(..33)];
    let suites = vec![0x13; 2 * rng.usize(1..40)];
    let body = [vec![3; 34], short(&session), long(&suites), vec![1, 0], long(&extensions)].concat();
    let message = [vec![1, 0], long(&body)].concat();
    [vec![22, 3, 1], long(&message)].concat()
}

/// Plays one connection of random records with an alert behind some of them; how many alerts were compared: those
/// outside of HTTP/2.
pub(crate) fn play(rng: &mut Rng) -> u64 {
    let mut exchange = Exchange::new_zeroed();
    let (mut seqs, mut now, mut compared) = ([rng.u32(..), rng.u32(..)], 0, 0);
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
    let offered: Vec<&str> =
        ["http/1.1", "h2", "acme-tls/1", "h3"].into_iter().filter(|_| rng.bool()).collect();
    let hello = client_hello(rng, &offered);
    says(&mut exchange, rng, client, &hello, now, &mut seqs);
    let offers = TlsRecords::of(&exchange.streams[usize::from(client)]).flags & tls::OFFERS_HTTP2 != 0;
    assert_eq!(offers, offered.contains(&"h2"), "{offered:?}");
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
            let is_http2 = standing.records.as_ref().is_some_and(|records| records.is_http2);
            ((standing.phase, standing.in_flight, standing.response_end), is_http2)
        };
        let (before, was_http2) = reported(&exchange, seqs[1]);
        // TLS 1.3: like data, 24 bytes with the header. TLS 1.2 with an AEAD: 31.
        let alert = if is_13 { record(rng, 23, 19) } else { record(rng, 21, 26) };
        let direction = rng.u8(..2);
        says(&mut exchange, rng, direction, &alert, now + 100, &mut seqs);
        let (after, is_http2) = reported(&exchange, seqs[1]);
        // HTTP/2 is read from the lengths of all records, and only for as long as all are kept.
        if !was_http2 && !is_http2 {
            assert_eq!(after, before);
            compared += 1;
        }
        now += 100;
    }
    compared
}
