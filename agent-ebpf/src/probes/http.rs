//! The HTTP tier: each payload segment as it passes, at either end.
//!
//! A segment costs one header read and one storage look-up; [`whohungup_ebpf::framing`] reads the heads, and
//! counts bodies without looking at them. Retransmissions are told by sequence number and ignored. Storage is
//! made when a socket first carries something that looks like HTTP or TLS, not before.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::{__sk_buff, BPF_SK_STORAGE_GET_F_CREATE, bpf_sock},
    helpers::generated::bpf_skb_load_bytes,
    macros::cgroup_skb,
    programs::SkBuffContext,
};
use aya_log_ebpf::debug;
use whohungup_ebpf::{
    counters::Counter,
    event::{Kind, Progress},
    exchange::{Exchange, ExchangeRecord, IN, OUT, UNREAD},
    framing::{self, Cursor, Payload},
};

use crate::{
    exchange_storage,
    helpers::{jiffies, run_cursor, socket_cookie},
    maps::count,
    record,
};

const IPPROTO_TCP: u8 = 6;
/// In the TCP header's flags (RFC 9293 section 3.1).
const RST: u8 = 0x04;
/// include/net/tcp_states.h
const ESTABLISHED: u32 = 1;
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
        // SAFETY: helper call.
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
    // SAFETY: context.
    let sk = unsafe { (*skb).__bindgen_anon_2.sk }.cast::<c_void>();
    if sk.is_null() {
        return;
    }
    if is_reset {
        note_reset(storage_for_reset(sk), &segment);
        return;
    }
    let mut stored = exchange_storage::get(sk, 0);
    let mut first = [0u8; 8];
    // SAFETY: map value.
    let known = !stored.is_null() && unsafe { (*stored).exchange.protocol } != UNREAD;
    // SAFETY: map value.
    let is_followed = known && unsafe { framing::is_followed(&raw const (*stored).exchange, direction) };
    if !is_followed && !load_first(skb, at, &mut first) {
        return;
    }
    if !known {
        let Some(start) = framing::recognise(first, at.2) else { return };
        stored = exchange_storage::get(sk, u64::from(BPF_SK_STORAGE_GET_F_CREATE));
        if stored.is_null() {
            count(Counter::ExchangeFailed);
            debug!(ctx, "no storage for a socket's exchange");
            return;
        }
        count(Counter::ExchangeMade);
        // SAFETY: map value.
        unsafe { framing::begin(&raw mut (*stored).exchange, start, direction) };
    }
    // SAFETY: map value.
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

/// A connection's only reset may be of any protocol: it costs the storage that nothing else needed.
#[inline(always)]
fn storage_for_reset(sk: *const c_void) -> *mut ExchangeRecord {
    // SAFETY: context.
    let is_established = unsafe { (*sk.cast::<bpf_sock>()).state } == ESTABLISHED;
    exchange_storage::get(sk, if is_established { u64::from(BPF_SK_STORAGE_GET_F_CREATE) } else { 0 })
}

/// Whatever a reset carries besides, it is the last that the socket takes in.
#[inline(always)]
fn note_reset(stored: *mut ExchangeRecord, segment: &Headers) {
    if stored.is_null() {
        return;
    }
    // SAFETY: map value.
    unsafe {
        let exchange = &raw mut (*stored).exchange;
        let now = jiffies() as u32;
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

/// # Safety
/// `exchange` must be a map value.
#[inline(always)]
unsafe fn follow(
    skb: *mut __sk_buff,
    exchange: *mut Exchange,
    direction: u8,
    at: (u32, u32, u32),
    first: [u8; 8],
) {
    // SAFETY: map value, as the caller says.
    unsafe {
        let now = jiffies() as u32;
        let Some(mut cursor) = Cursor::enter(Segment(skb), exchange, direction, at, first, now) else {
            return;
        };
        run_cursor(&mut cursor);
        cursor.leave();
        if cursor.is_worth_a_record() {
            report(skb, exchange);
        }
    }
}

/// Reports how many requests there were; called for the first after a while, or the last of many.
///
/// # Safety
/// `exchange` must be a map value.
#[inline(always)]
unsafe fn report(skb: *mut __sk_buff, exchange: *const Exchange) {
    let Some(mut entry) = record::reserve::<Progress>(Counter::LostOther) else { return };
    let to = entry.as_mut_ptr();
    let cookie = socket_cookie(skb.cast());
    // SAFETY: map values.
    unsafe {
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
    // SAFETY: context.
    let (start, end, total) = unsafe { ((*skb).data as usize, (*skb).data_end as usize, (*skb).len) };
    if start + 40 > end {
        return None;
    }
    let ip = start as *const u8;
    // SAFETY: packet.
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
    #[expect(clippy::manual_range_contains, reason = "as a range it is 29 instructions more in `http_out`")]
    if ip_len < 20 || ip_len > 60 {
        return None;
    }
    let tcp_at = start + ip_len as usize;
    if tcp_at + 20 > end {
        count(Counter::SegmentUnreadable);
        return None;
    }
    let tcp = tcp_at as *const u8;
    // SAFETY: packet.
    let word = |at: usize| unsafe { u32::from_be(tcp.add(at).cast::<u32>().read_unaligned()) };
    // SAFETY: packet.
    let (tcp_len, flags) = unsafe { (u32::from(*tcp.add(12) >> 4) * 4, *tcp.add(13)) };
    let at = ip_len + tcp_len;
    let len = total.saturating_sub(at);
    Some(Headers { seq: word(4), ack_seq: word(8), at, len, flags, ttl })
}

/// Copies the payload's first bytes, zero-padded.
#[inline(always)]
fn load_first(skb: *mut __sk_buff, (_, at, len): (u32, u32, u32), to: &mut [u8; 8]) -> bool {
    let len = if len >= 8 { 8 } else { u64::from(len) };
    let Some(len) = framing::within(len, 8) else { return false };
    // SAFETY: helper call.
    unsafe { bpf_skb_load_bytes(skb.cast(), at, to.as_mut_ptr().cast(), len as u32) == 0 }
}
