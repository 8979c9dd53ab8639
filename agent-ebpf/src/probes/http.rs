//! The HTTP tier: each payload segment as it passes, at either end.
//!
//! A segment costs one header read, one storage look-up and two small copies; a message start also
//! its head. Retransmissions are told by sequence number and ignored. Storage is made when a socket
//! first carries something that looks like HTTP/1 or TLS, not before.

use aya_ebpf::{
    bindings::{__sk_buff, BPF_SK_STORAGE_GET_F_CREATE, bpf_sock},
    helpers::generated::{bpf_jiffies64, bpf_sk_fullsock, bpf_sk_storage_get, bpf_skb_load_bytes},
    macros::cgroup_skb,
    programs::SkBuffContext,
};
use aya_log_ebpf::debug;
use whohungup_ebpf::{
    counters::Counter,
    exchange::{
        APPEND_BYTES, CONTINUED, Exchange, ExchangeRecord, GAP, HEAD_BYTES, HTTP, IN, NONE, OUT, PIPELINED,
        STARTED_LATE, Stream, TLS, UNREAD,
    },
};

use crate::maps::{EXCHANGES, count};

const IPPROTO_TCP: u8 = 6;
const PASS: i32 = 1;

#[cgroup_skb(ingress)]
pub fn http_in(ctx: SkBuffContext) -> i32 {
    observe(&ctx, IN);
    PASS
}

#[cgroup_skb(egress)]
pub fn http_out(ctx: SkBuffContext) -> i32 {
    observe(&ctx, OUT);
    PASS
}

/// A payload segment.
#[derive(Clone, Copy)]
struct Segment {
    seq: u32,
    /// Offset of the payload from the network header.
    at: u32,
    len: u32,
    now: u32,
}

#[inline(always)]
fn observe(ctx: &SkBuffContext, direction: u8) {
    let skb = ctx.skb.skb;
    let Some((seq, at, len)) = payload(skb) else { return };
    let sk = unsafe { (*skb).__bindgen_anon_2.sk };
    if sk.is_null() {
        return;
    }
    let sk = unsafe { bpf_sk_fullsock(sk) };
    if sk.is_null() {
        return;
    }
    let mut stored = storage(sk, 0);
    let mut first = [0u8; 8];
    if !load_first(skb, at, len, &mut first) {
        return;
    }
    if stored.is_null() || unsafe { (*stored).exchange.protocol } == UNREAD {
        let Some(start) = looks_like_start(first) else { return };
        stored = storage(sk, u64::from(BPF_SK_STORAGE_GET_F_CREATE));
        if stored.is_null() {
            count(Counter::ExchangeFailed);
            debug!(ctx, "no storage for a socket's exchange");
            return;
        }
        count(Counter::ExchangeMade);
        unsafe { begin(&raw mut (*stored).exchange, start, direction) };
    }
    let now = unsafe { bpf_jiffies64() } as u32;
    let segment = Segment { seq, at, len, now };
    unsafe { record(skb, &raw mut (*stored).exchange, direction, segment, first) };
}

/// Sequence number, offset and length of a TCP segment's payload; `None` for anything else.
#[inline(always)]
fn payload(skb: *mut __sk_buff) -> Option<(u32, u32, u32)> {
    let (start, end, total) = unsafe { ((*skb).data as usize, (*skb).data_end as usize, (*skb).len) };
    if start + 40 > end {
        return None;
    }
    let ip = start as *const u8;
    let (protocol, ip_len) = unsafe {
        match *ip >> 4 {
            4 => (*ip.add(9), u32::from(*ip & 15) * 4),
            6 => (*ip.add(6), 40),
            _ => return None,
        }
    };
    if protocol != IPPROTO_TCP {
        return None;
    }
    if ip_len < 20 || ip_len > 60 {
        return None;
    }
    let tcp_at = start + ip_len as usize;
    if tcp_at + 20 > end {
        count(Counter::SegmentUnreadable);
        return None;
    }
    let tcp = tcp_at as *const u8;
    let (seq, tcp_len) = unsafe {
        (u32::from_be(tcp.add(4).cast::<u32>().read_unaligned()), u32::from(*tcp.add(12) >> 4) * 4)
    };
    let at = ip_len + tcp_len;
    if total <= at { None } else { Some((seq, at, total - at)) }
}

#[inline(always)]
fn storage(sk: *mut bpf_sock, flags: u64) -> *mut ExchangeRecord {
    unsafe {
        bpf_sk_storage_get((&raw const EXCHANGES).cast_mut().cast(), sk.cast(), core::ptr::null_mut(), flags)
            .cast()
    }
}

/// Copies the payload's first bytes, zero-padded.
#[inline(always)]
fn load_first(skb: *mut __sk_buff, at: u32, len: u32, to: &mut [u8; 8]) -> bool {
    if len >= 8 {
        return unsafe { bpf_skb_load_bytes(skb.cast(), at, to.as_mut_ptr().cast(), 8) == 0 };
    }
    load_short(skb, at, len, to)
}

/// Copies `len` bytes, 1 to 7, and leaves the rest of `to` alone.
#[inline(always)]
fn load_short(skb: *mut __sk_buff, at: u32, len: u32, to: &mut [u8; 8]) -> bool {
    let Some(len) = within(len, 7) else { return false };
    unsafe { bpf_skb_load_bytes(skb.cast(), at, to.as_mut_ptr().cast(), len as u32) == 0 }
}

/// `len` as a size from 1 to `most` that the verifier can see is one. Counted from 0 and stepped up
/// after the check, because before v6.8 the verifier does not learn from `len != 0` that it is at least 1.
#[inline(always)]
fn within(len: u32, most: u64) -> Option<u64> {
    let less = opaque(u64::from(len).wrapping_sub(1));
    if less < most { Some(less + 1) } else { None }
}

/// Hides a value's history from the compiler, so that the bounds checks that follow stay in the
/// program for the verifier to see. 64 bits, because on a shorter value the checks are made on a
/// shifted copy. One real instruction, because empty assembly gets a line record of its own and the
/// kernel refuses two for one instruction.
#[inline(always)]
fn opaque(mut value: u64) -> u64 {
    unsafe {
        core::arch::asm!("{0} = {0}", inout(reg) value, options(pure, nomem, nostack, preserves_flags))
    };
    value
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Request,
    Response,
    Tls,
}

#[inline(always)]
fn looks_like_start(first: [u8; 8]) -> Option<Start> {
    let word = u32::from_be_bytes([first[0], first[1], first[2], first[3]]);
    match &word.to_be_bytes() {
        b"GET " | b"POST" | b"PUT " | b"HEAD" | b"DELE" | b"OPTI" | b"PATC" | b"CONN" | b"TRAC" | b"PRI "
        | b"PROP" => Some(Start::Request),
        b"HTTP" => Some(Start::Response),
        [0x16, 0x03, 0x00..=0x04, _] => Some(Start::Tls),
        _ => None,
    }
}

/// Initialises fresh storage for a socket whose first message is `start`.
#[inline(always)]
unsafe fn begin(exchange: *mut Exchange, start: Start, direction: u8) {
    unsafe {
        (*exchange).last_direction = NONE;
        (*exchange).protocol = if start == Start::Tls { TLS } else { HTTP };
        (*exchange).request_direction =
            if start == Start::Response { IN + OUT - direction } else { direction };
        (*exchange).flags |= if start == Start::Response { STARTED_LATE } else { 0 };
    }
}

#[inline(always)]
unsafe fn record(
    skb: *mut __sk_buff,
    exchange: *mut Exchange,
    direction: u8,
    segment: Segment,
    first: [u8; 8],
) {
    unsafe {
        let stream =
            if direction == IN { &raw mut (*exchange).streams[0] } else { &raw mut (*exchange).streams[1] };
        let end = segment.seq.wrapping_add(segment.len);
        let known = (*stream).end_seq;
        if (*exchange).segments != 0 && (*stream).messages != 0 {
            if (end.wrapping_sub(known) as i32) <= 0 {
                return;
            }
            if segment.seq != known {
                (*exchange).flags |= GAP;
            }
        }
        (*exchange).segments += 1;
        let asks = direction == (*exchange).request_direction;
        let turned = (*exchange).last_direction != direction;
        let protocol = (*exchange).protocol;
        let starts = if protocol == TLS {
            if is_goodbye_sized(segment.len, first) {
                note_unasked(exchange, stream, segment.seq);
                (*stream).end_seq = end;
                return;
            }
            turned
        } else {
            match looks_like_start(first) {
                Some(Start::Request) if asks => {
                    if !turned {
                        (*exchange).flags |= PIPELINED;
                    }
                    turned
                }
                Some(Start::Response) if !asks => {
                    if !turned {
                        note_unasked(exchange, stream, segment.seq);
                    }
                    turned
                }
                _ => {
                    if turned && (*exchange).last_direction != NONE {
                        (*exchange).flags |= CONTINUED;
                    }
                    false
                }
            }
        };
        (*exchange).last_direction = direction;
        if starts {
            (*stream).messages += 1;
            (*stream).start_seq = segment.seq;
            (*stream).started = segment.now;
            (*stream).head_len = 0;
            if asks {
                (*exchange).unasked = 0;
            } else {
                let asked = (*exchange).request_direction as usize;
                (*exchange).answering = (*exchange).streams[asked & 1].messages;
            }
        }
        if protocol == HTTP {
            keep_head(skb, stream, segment);
            keep_tail(skb, stream, segment, first);
        }
        (*stream).end_seq = end;
        (*stream).last = segment.now;
    }
}

/// A TLS record that can only be an alert or as short: close_notify is 24 bytes in TLS 1.3 (RFC 8446
/// section 6.1 within section 5.2) and 31 in TLS 1.2 with AES-GCM (RFC 5246 section 7.2.1, RFC 5288).
#[inline(always)]
fn is_goodbye_sized(len: u32, first: [u8; 8]) -> bool {
    (len == 24 || len == 31)
        && matches!(first[0], 0x15 | 0x17)
        && u32::from(u16::from_be_bytes([first[3], first[4]])) + 5 == len
}

#[inline(always)]
unsafe fn note_unasked(exchange: *mut Exchange, stream: *mut Stream, seq: u32) {
    unsafe {
        if (*exchange).unasked == 0 {
            (*exchange).unasked_seq = seq;
            (*exchange).before_unasked = (*stream).last;
        }
        (*exchange).unasked += 1;
    }
}

#[inline(always)]
unsafe fn keep_head(skb: *mut __sk_buff, stream: *mut Stream, segment: Segment) {
    unsafe {
        let held = opaque(u64::from((*stream).head_len));
        let head = (&raw mut (*stream).head).cast::<u8>();
        if held == 0 {
            if segment.seq != (*stream).start_seq {
                return;
            }
            let Some(n) = within(segment.len.min(HEAD_BYTES as u32), HEAD_BYTES as u64) else { return };
            if bpf_skb_load_bytes(skb.cast(), segment.at, head.cast(), n as u32) == 0 {
                (*stream).head_len = n as u32;
            }
            return;
        }
        if held > APPEND_BYTES as u64 || segment.seq != (*stream).start_seq.wrapping_add(held as u32) {
            return;
        }
        let Some(n) = within(segment.len.min(APPEND_BYTES as u32), APPEND_BYTES as u64) else { return };
        if bpf_skb_load_bytes(skb.cast(), segment.at, head.add(held as usize).cast(), n as u32) == 0 {
            (*stream).head_len = (held + n) as u32;
        }
    }
}

/// The last bytes tell whether a chunked message has ended.
#[inline(always)]
unsafe fn keep_tail(skb: *mut __sk_buff, stream: *mut Stream, segment: Segment, first: [u8; 8]) {
    unsafe {
        if segment.len <= 8 {
            let fresh = u64::from_be_bytes(first);
            let bits = (segment.len & 15) * 8;
            (*stream).tail =
                if bits >= 64 { fresh } else { ((*stream).tail << bits) | (fresh >> (64 - bits)) };
            return;
        }
        let mut tail = [0u8; 8];
        if bpf_skb_load_bytes(skb.cast(), segment.at + segment.len - 8, tail.as_mut_ptr().cast(), 8) == 0 {
            (*stream).tail = u64::from_be_bytes(tail);
        }
    }
}
