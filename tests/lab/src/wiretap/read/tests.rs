//! From tshark's lines to flows.

use super::*;

const SYN_LINE: &str = "0\t1795328893.5\t127.0.0.1\t\t40000\t127.9.0.1\t\t80\t0x0002\t4294967290\t\t65495\t";

fn streams(lines: &[Raw]) -> Vec<Flow> {
    let mut streams = Streams::new(false);
    for raw in lines {
        streams.push(raw.clone());
    }
    streams.finish()
}

#[test]
fn a_line_is_read() {
    let raw = parse(SYN_LINE).unwrap();
    assert_eq!((raw.stream, raw.flags, raw.seq, raw.ack), (0, SYN, 4_294_967_290, 0));
    assert_eq!(raw.from, "127.0.0.1:40000".parse().unwrap());
    let six = "3\t1.25\t\t::1\t1\t\t::2\t2\t0x0018\t5\t6\t7\t4745540a";
    let raw = parse(six).unwrap();
    assert_eq!((raw.to, raw.payload), ("[::2]:2".parse().unwrap(), b"GET\n".to_vec()));
    assert!(parse("1\t2").is_err());
    assert!(parse(&SYN_LINE.replace("\t65495\t", "\t65495\t4")).is_err());
}

#[test]
fn numbers_begin_with_the_syn_and_do_not_wrap() {
    let syn = parse(SYN_LINE).unwrap();
    let answer = Raw {
        from: syn.to,
        to: syn.from,
        flags: SYN | ACK,
        seq: 7,
        ack: syn.seq.wrapping_add(1),
        ..syn.clone()
    };
    let asks = |seq: u32| Raw { flags: ACK, seq, ack: 8, payload: vec![b'x'; 10], ..syn.clone() };
    let end = Raw { flags: FIN | ACK, seq: syn.seq.wrapping_add(21), ack: 8, ..syn.clone() };
    let lines = [syn.clone(), answer, asks(syn.seq.wrapping_add(1)), asks(syn.seq.wrapping_add(11)), end];

    let flows = streams(&lines);

    let told: Vec<_> = flows[0].segments.iter().map(|s| (s.by, s.seq, s.ack)).collect();
    assert_eq!(
        told,
        [
            (Side::Client, 0, None),
            (Side::Server, 0, Some(1)),
            (Side::Client, 1, Some(1)),
            (Side::Client, 11, Some(1)),
            (Side::Client, 21, Some(1)),
        ]
    );
}

#[test]
fn a_refusal_is_no_byte() {
    let syn = parse(SYN_LINE).unwrap();
    let reset = Raw {
        from: syn.to,
        to: syn.from,
        flags: RST | ACK,
        seq: 0,
        ack: syn.seq.wrapping_add(1),
        ..syn.clone()
    };

    let flows = streams(&[syn, reset]);

    assert_eq!((flows[0].segments[1].seq, flows[0].segments[1].ack), (0, Some(1)));
}

#[test]
fn a_port_that_is_used_again_is_another_flow() {
    let first = parse(SYN_LINE).unwrap();
    let again = Raw { stream: 4, seq: 99, ..first.clone() };

    let flows = streams(&[first, again]);

    assert_eq!((flows.len(), flows[0].client, flows[1].segments[0].seq), (2, flows[1].client, 0));
}
