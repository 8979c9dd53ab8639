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
    exchange::{Exchange, ExchangeRecord, IN, OTHER, OUT, UNREAD},
    framing::{self, Cursor, FIRST_BYTES, FirstBytes, Payload},
};

use crate::{
    conversations, exchange_storage,
    helpers::{jiffies, run_cursor, socket_cookie},
    maps::{HANDOVER, count, is_left_out},
    record,
};

const IPPROTO_TCP: u8 = 6;
/// In the TCP header's flags (RFC 9293 section 3.1).
const RST: u8 = 0x04;
const SYN: u8 = 0x02;
// include/net/tcp_states.h
const ESTABLISHED: u32 = 1;
const LISTEN: u32 = 10;
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
    // A SYN takes a sequence number before the payload's.
    let seq = segment.seq.wrapping_add(u32::from(segment.flags & SYN != 0));
    let at = (seq, segment.at, segment.len);
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
    if is_left_out(segment.ports) {
        return;
    }
    let mut stored = exchange_storage::get(sk, 0);
    let mut handed = false;
    let mut first = [0u8; FIRST_BYTES];
    // SAFETY: map value.
    let protocol = if stored.is_null() { UNREAD } else { unsafe { (*stored).exchange.protocol } };
    let known = !matches!(protocol, UNREAD | OTHER);
    // SAFETY: map value.
    let is_followed = known && unsafe { framing::is_followed(&raw const (*stored).exchange, direction) };
    if !is_followed && !load_first(skb, at, &mut first) {
        return;
    }
    if !known {
        // SAFETY: context.
        let socket_state = unsafe { (*sk.cast::<bpf_sock>()).state };
        let conversation = conversations::find(sk);
        let is_possible = protocol == UNREAD && conversations::may_be_recognised(conversation, first);
        let start = if is_possible { framing::recognise(first, at.2) } else { None };
        let Some(start) = start else {
            if socket_state != LISTEN {
                conversations::follow(&Segment(skb), skb, sk, conversation, (direction, at), first);
            }
            return;
        };
        handed = direction == IN && socket_state == LISTEN;
        if handed {
            stored = slot();
            if !stored.is_null() {
                // SAFETY: map value.
                unsafe { exchange_storage::clear(&raw mut (*stored).exchange) };
            }
        } else {
            stored = exchange_storage::create(sk, start, direction);
        }
        if stored.is_null() {
            count(Counter::ExchangeFailed);
            debug!(ctx, "no storage for a socket's exchange");
            return;
        }
        // SAFETY: map value.
        unsafe {
            let exchange = &raw mut (*stored).exchange;
            // It may have been there for a flag, or for a reset.
            if (*exchange).protocol == UNREAD {
                framing::begin(exchange, start, direction);
            }
        }
        count(Counter::ExchangeMade);
    }
    // SAFETY: map value.
    unsafe {
        let exchange = &raw mut (*stored).exchange;
        let begun = (*exchange).begun;
        let is_worth_a_record = follow(skb, exchange, direction, at, first);
        if direction == IN {
            (*exchange).peer_ttl = segment.ttl;
            if (*exchange).begun != begun {
                (*exchange).request_ack = segment.ack_seq;
            }
        }
        if handed {
            hand_over(&segment, seq);
        } else if is_worth_a_record {
            report(skb, exchange);
        }
    }
}

/// Where the segment is read that makes its socket, which does not exist yet (TCP_DEFER_ACCEPT, data on the handshake's
/// last ACK, Fast Open); null where there is no room.
#[inline(always)]
fn slot() -> *mut ExchangeRecord {
    let Some(slot) = HANDOVER.get_ptr_mut(0) else { return core::ptr::null_mut() };
    // SAFETY: map value.
    unsafe { &raw mut (*slot).record }
}

/// The socket takes over what was read when it is established, on this processor (`tcp_v4_rcv` to `tcp_child_process`,
/// net/ipv4/tcp_ipv4.c, v6.1 to v6.18).
#[inline(always)]
fn hand_over(segment: &Headers, seq: u32) {
    let Some(slot) = HANDOVER.get_ptr_mut(0) else { return };
    // SAFETY: map value.
    unsafe {
        (*slot).seq = seq;
        (*slot).ports = segment.ports;
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

/// True when a request began that is worth a record.
///
/// # Safety
/// `exchange` must be a map value.
#[inline(always)]
unsafe fn follow(
    skb: *mut __sk_buff,
    exchange: *mut Exchange,
    direction: u8,
    at: (u32, u32, u32),
    first: FirstBytes,
) -> bool {
    // SAFETY: map value, as the caller says.
    unsafe {
        let now = jiffies() as u32;
        let Some(mut cursor) = Cursor::enter(Segment(skb), exchange, direction, at, first, now) else {
            return false;
        };
        run_cursor(&mut cursor);
        cursor.leave();
        cursor.is_worth_a_record()
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
    /// Source port in the upper half.
    ports: u32,
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
    Some(Headers { seq: word(4), ack_seq: word(8), at, len, ports: word(0), flags, ttl })
}

/// Copies the payload's first bytes, zero-padded.
#[inline(always)]
fn load_first(skb: *mut __sk_buff, (_, at, len): (u32, u32, u32), to: &mut FirstBytes) -> bool {
    let most = FIRST_BYTES as u64;
    let Some(len) = framing::within(u64::from(len).min(most), most) else { return false };
    // SAFETY: helper call.
    unsafe { bpf_skb_load_bytes(skb.cast(), at, to.as_mut_ptr().cast(), len as u32) == 0 }
}
