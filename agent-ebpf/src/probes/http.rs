//! The HTTP tier: each payload segment as it passes, at either end.
//!
//! A segment costs one header read and one storage look-up; [`whohungup_ebpf::framing`] reads the heads, and
//! counts bodies without looking at them. Retransmissions are told by sequence number and ignored. Storage is
//! made when a socket first carries something that looks like HTTP or TLS, not before.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::{__sk_buff, BPF_SK_STORAGE_GET_F_CREATE, bpf_sock},
    helpers::generated::{
        bpf_get_socket_cookie, bpf_jiffies64, bpf_loop, bpf_sk_storage_get, bpf_skb_load_bytes,
    },
    macros::cgroup_skb,
    programs::SkBuffContext,
};
use aya_log_ebpf::debug;
use whohungup_ebpf::{
    counters::Counter,
    event::{Kind, Progress},
    exchange::{Exchange, ExchangeRecord, IN, OUT, UNREAD},
    framing::{self, Cursor, MAX_STEPS, Payload},
};

use crate::{
    maps::{EXCHANGES, count},
    record,
};

const IPPROTO_TCP: u8 = 6;
/// In the TCP header's flags (RFC 9293 section 3.1).
const RST: u8 = 0x04;
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

/// The payload of a socket buffer.
#[derive(Clone, Copy)]
struct Segment(*mut __sk_buff);

impl Payload for Segment {
    #[inline(always)]
    unsafe fn load(&self, at: u32, to: *mut u8, len: u32) -> bool {
        unsafe { bpf_skb_load_bytes(self.0.cast(), at, to.cast(), len) == 0 }
    }
}

#[inline(always)]
fn observe(ctx: &SkBuffContext, direction: u8) {
    let skb = ctx.skb.skb;
    let Some(segment) = headers(skb) else { return };
    let is_reset = direction == IN && segment.flags & RST != 0;
    let at = (segment.seq, segment.at, segment.len);
    if segment.len == 0 && !is_reset {
        return;
    }
    let sk = unsafe { (*skb).__bindgen_anon_2.sk };
    if sk.is_null() {
        return;
    }
    if is_reset {
        note_reset(storage(sk, 0), &segment);
        return;
    }
    let mut stored = storage(sk, 0);
    let mut first = [0u8; 8];
    let known = !stored.is_null() && unsafe { (*stored).exchange.protocol } != UNREAD;
    if !(known && unsafe { framing::is_followed(&raw const (*stored).exchange, direction) })
        && !load_first(skb, at, &mut first)
    {
        return;
    }
    if !known {
        let Some(start) = framing::recognise(first, at.2) else { return };
        stored = storage(sk, u64::from(BPF_SK_STORAGE_GET_F_CREATE));
        if stored.is_null() {
            count(Counter::ExchangeFailed);
            debug!(ctx, "no storage for a socket's exchange");
            return;
        }
        count(Counter::ExchangeMade);
        unsafe { framing::begin(&raw mut (*stored).exchange, start, direction) };
    }
    unsafe {
        let exchange = &raw mut (*stored).exchange;
        let begun = (*exchange).begun;
        follow(skb, exchange, direction, at, first);
        if direction == IN {
            (*exchange).peer_ttl = segment.ttl;
            if (*exchange).begun != begun {
                (*exchange).request_ack = segment.ack_seq;
            }
        }
    }
}

/// Whatever a reset carries besides, it is the last that the socket takes in.
#[inline(always)]
fn note_reset(stored: *mut ExchangeRecord, segment: &Headers) {
    if stored.is_null() {
        return;
    }
    unsafe {
        let exchange = &raw mut (*stored).exchange;
        let now = bpf_jiffies64() as u32;
        if (*exchange).reset_flags != 0 && now.wrapping_sub((*exchange).reset_at) <= 1 {
            // While a process holds the socket, several may come before the first of them ends it.
            return;
        }
        (*exchange).reset_ttl = segment.ttl;
        (*exchange).reset_flags = segment.flags;
        (*exchange).reset_at = now;
        (*exchange).reset_ack = segment.ack_seq;
    }
}

#[inline(always)]
unsafe fn follow(
    skb: *mut __sk_buff,
    exchange: *mut Exchange,
    direction: u8,
    at: (u32, u32, u32),
    first: [u8; 8],
) {
    unsafe {
        let now = bpf_jiffies64() as u32;
        let Some(mut cursor) = Cursor::enter(Segment(skb), exchange, direction, at, first, now) else {
            return;
        };
        bpf_loop(
            MAX_STEPS,
            (step as unsafe extern "C" fn(u64, *mut c_void) -> i64 as *const ()).cast_mut().cast(),
            (&raw mut cursor).cast(),
            0,
        );
        cursor.leave();
        if cursor.is_worth_a_record() {
            report(skb, exchange);
        }
    }
}

/// One decision; 1 ends the loop.
unsafe extern "C" fn step(_index: u64, cursor: *mut c_void) -> i64 {
    i64::from(unsafe { (*cursor.cast::<Cursor<Segment>>()).step() })
}

/// Tells of a request worth a record: the first after a while, or the last of many.
#[inline(always)]
unsafe fn report(skb: *mut __sk_buff, exchange: *const Exchange) {
    let Some(mut entry) = record::reserve::<Progress>(Counter::LostOther) else { return };
    let to = entry.as_mut_ptr();
    unsafe {
        let cookie = bpf_get_socket_cookie(skb.cast());
        record::header(&raw mut (*to).header, Kind::Progress, size_of::<Progress>(), cookie);
        (*to).begun = (*exchange).begun;
        (*to).answered = (*exchange).answered;
        (*to).reuses = (*exchange).reuses;
        (*to).gap = (*exchange).gap;
        (*to).protocol = u32::from((*exchange).protocol);
        (*to).reserved = 0;
    }
    entry.submit(record::NO_WAKEUP);
}

/// What the headers of a TCP segment say.
struct Headers {
    seq: u32,
    ack_seq: u32,
    /// Offset and length of the payload.
    at: u32,
    len: u32,
    flags: u8,
    /// Time to live, or hop limit.
    ttl: u8,
}

/// Reads the headers of a TCP segment; `None` for anything else.
#[inline(always)]
fn headers(skb: *mut __sk_buff) -> Option<Headers> {
    let (start, end, total) = unsafe { ((*skb).data as usize, (*skb).data_end as usize, (*skb).len) };
    if start + 40 > end {
        return None;
    }
    let ip = start as *const u8;
    let (protocol, ip_len, ttl) = unsafe {
        match *ip >> 4 {
            4 => (*ip.add(9), u32::from(*ip & 15) * 4, *ip.add(8)),
            6 => (*ip.add(6), 40, *ip.add(7)),
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
    let word = |at: usize| unsafe { u32::from_be(tcp.add(at).cast::<u32>().read_unaligned()) };
    let (tcp_len, flags) = unsafe { (u32::from(*tcp.add(12) >> 4) * 4, *tcp.add(13)) };
    let at = ip_len + tcp_len;
    let len = total.saturating_sub(at);
    Some(Headers { seq: word(4), ack_seq: word(8), at, len, flags, ttl })
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
fn load_first(skb: *mut __sk_buff, (_, at, len): (u32, u32, u32), to: &mut [u8; 8]) -> bool {
    let len = if len >= 8 { 8 } else { u64::from(len) };
    let Some(len) = framing::within(len, 8) else { return false };
    unsafe { bpf_skb_load_bytes(skb.cast(), at, to.as_mut_ptr().cast(), len as u32) == 0 }
}
