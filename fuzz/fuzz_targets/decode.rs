//! Arbitrary bytes in the place of the ring's records.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whohungup_core::{
    http::{self, Written},
    protocol,
};
use whohungup_ebpf::{
    decode::{Record, decode},
    exchange::{IN, OUT},
};

fuzz_target!(|input: &[u8]| {
    let mut aligned = vec![0_u64; input.len().div_ceil(8)];
    // SAFETY: as many bytes as the words hold, and bytes have no invalid values.
    let bytes =
        unsafe { std::slice::from_raw_parts_mut(aligned.as_mut_ptr().cast::<u8>(), aligned.len() * 8) };
    bytes[..input.len()].copy_from_slice(input);
    let mut rest = &bytes[..input.len()];
    while let Ok((record, used)) = decode(rest) {
        assert!(used > 0 && used <= rest.len(), "a record takes bytes that are there");
        if let Record::Exchange(record) = record {
            let exchange = record.exchange();
            let _told = http::is_read(&exchange);
            let _standing = http::read(&exchange, Written { write_seq: 0, sent_seq: 0 });
        }
        if let Record::Conversation(record) = record {
            let _inward = protocol::read(&record.conversation, IN);
            let _outward = protocol::read(&record.conversation, OUT);
        }
        rest = &rest[used..];
    }
});
