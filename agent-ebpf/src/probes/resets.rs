//! Resets, and the segments that drew them.
//!
//! A late request to a socket that has gone is seen only here: the reset goes out from a time-wait
//! socket (same cookie as the connection's), from the listener, or from no socket at all, and the
//! segment says to whom it belonged and what it acknowledged.

use core::ffi::c_void;

use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use whohungup_ebpf::{
    counters::Counter,
    event::{Endpoints, FormerListener, Kind, NO_REASON, RESET_RECEIVED, RESET_SENT, Reset},
};

use crate::{
    fields::{AF_INET, AF_INET6, offset, read},
    helpers::socket_cookie,
    maps::{MAY_READ_KERNEL, REFUSED, RESET_HAS_REASON, count},
    record,
};

// include/net/tcp_states.h
const TIME_WAIT: u8 = 6;
const IPPROTO_TCP: u8 = 6;
const LAST_ACK: u8 = 9;
const LISTEN: u8 = 10;
// `tcphdr` flags, RFC 9293 section 3.1.
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// tcp_send_reset(const struct sock *sk, const struct sk_buff *skb, const enum sk_rst_reason reason);
/// before v6.10 without `reason`, and only for full sockets. Both pointers may be NULL.
#[btf_tracepoint(function = "tcp_send_reset")]
pub fn reset_sent(ctx: BtfTracePointContext) -> i32 {
    let sk: *const c_void = ctx.arg(0);
    let skb: *const c_void = ctx.arg(1);
    let reason = if RESET_HAS_REASON.load() == 1 { ctx.arg::<u32>(2) } else { NO_REASON };
    let state = if sk.is_null() { 0 } else { read::<u8>(sk, offset!(state)) };
    if matches!(state, 0 | TIME_WAIT | LISTEN) && !skb.is_null() && carries_nothing(skb) {
        // No request was lost: a refused connection, a scan, or the last FIN of a connection whose
        // time-wait socket had no room (net.ipv4.tcp_max_tw_buckets).
        count(Counter::ResetWithoutSocket);
        if state == 0 && MAY_READ_KERNEL.load() == 1 {
            count_refused(skb);
        }
        return 0;
    }
    let mut segment = Segment::default();
    if !skb.is_null() {
        let is_whole = if MAY_READ_KERNEL.load() == 1 {
            segment.read(skb)
        } else {
            segment.read_control_block(skb);
            // The cookie of any other socket is its connection's.
            !matches!(state, 0 | LISTEN)
        };
        if !is_whole {
            count(Counter::SegmentUnreadable);
        }
    }
    let cookie = if sk.is_null() { 0 } else { socket_cookie(sk) };
    if !sk.is_null() {
        // The segment's own device is gone: tcp_v4_rcv clears `skb->dev` before a listener gets it
        // (net/ipv4/tcp_ipv4.c, v6.12).
        let net: *const c_void = read(sk, offset!(net));
        segment.netns = read(net, offset!(net_inum));
    }
    let Some(mut entry) = record::reserve::<Reset>(Counter::LostReset) else { return 0 };
    let to = entry.as_mut_ptr();
    // SAFETY: map value.
    unsafe {
        record::header(&raw mut (*to).header, Kind::Reset, size_of::<Reset>(), cookie);
        (*to).segment = segment.endpoints;
        (*to).direction = RESET_SENT;
        (*to).state = state;
        (*to).has_segment = u8::from(!skb.is_null());
        (*to).tcp_flags = segment.flags;
        (*to).reason = reason;
        (*to).seq = segment.seq;
        (*to).ack_seq = segment.ack_seq;
        (*to).payload = segment.payload;
        (*to).netns = segment.netns;
        (*to).first = segment.first;
    }
    entry.submit(record::NO_WAKEUP);
    0
}

/// tcp_receive_reset(struct sock *sk). Fires also on the sender's own socket when data meets a
/// closed orphan (tcp_rcv_state_process reuses tcp_reset): user space tells the two apart.
#[btf_tracepoint(function = "tcp_receive_reset")]
pub fn reset_received(ctx: BtfTracePointContext) -> i32 {
    let sk: *const c_void = ctx.arg(0);
    let state = read::<u8>(sk, offset!(state));
    if state == LAST_ACK {
        // Both sides are done; the transition that follows says whether data was lost.
        return 0;
    }
    let cookie = socket_cookie(sk);
    let Some(mut entry) = record::reserve::<Reset>(Counter::LostReset) else { return 0 };
    let to = entry.as_mut_ptr();
    let none = Segment::default();
    // SAFETY: map value.
    unsafe {
        record::header(&raw mut (*to).header, Kind::Reset, size_of::<Reset>(), cookie);
        (*to).segment = none.endpoints;
        (*to).direction = RESET_RECEIVED;
        (*to).state = state;
        (*to).has_segment = 0;
        (*to).tcp_flags = 0;
        (*to).reason = NO_REASON;
        (*to).seq = 0;
        (*to).ack_seq = 0;
        (*to).payload = 0;
        (*to).netns = 0;
        (*to).first = none.first;
    }
    entry.submit(record::NO_WAKEUP);
    0
}

/// Counts a SYN to a port where a listener has ended.
#[inline(always)]
fn count_refused(skb: *const c_void) {
    let head: u64 = read(skb, offset!(skb_head));
    let transport: u16 = read(skb, offset!(skb_transport_header));
    let mut tcp = [0u8; 14];
    if !copy(&mut tcp, head + u64::from(transport)) || tcp[13] & (SYN | ACK) != SYN {
        return;
    }
    let dev: *const c_void = read(skb, offset!(skb_dev));
    if dev.is_null() {
        return;
    }
    let net: *const c_void = read(dev, offset!(dev_net));
    if net.is_null() {
        return;
    }
    let port = u32::from(u16::from_be_bytes([tcp[2], tcp[3]]));
    let key = FormerListener { netns: read(net, offset!(net_inum)), port };
    if let Some(count) = REFUSED.get_ptr_mut(key) {
        // SAFETY: map value; of two processors at once one may go uncounted.
        unsafe { *count += 1 };
    }
}

/// The segment takes up no more of the sequence space than a SYN or a FIN does, by `seq` and `end_seq` at
/// the head of `struct tcp_skb_cb` (include/net/tcp.h), filled in before any socket is looked for.
#[inline(always)]
fn carries_nothing(skb: *const c_void) -> bool {
    let seq: u32 = read(skb, offset!(skb_cb));
    let end_seq: u32 = read(skb, offset!(skb_cb) + 4);
    end_seq.wrapping_sub(seq) <= 1
}

/// kfree_skb(struct sk_buff *skb, void *location, ...): before v6.10 the only trace of the reset that
/// a time-wait socket or no socket sends. `tcp_v4_rcv` drops the segment right after it, with `data`
/// still at the TCP header; what a socket has taken in or queued is pulled further. User space knows
/// by address and sequence number whether it was data that nobody was left to take.
#[btf_tracepoint(function = "kfree_skb")]
pub fn segment_dropped(ctx: BtfTracePointContext) -> i32 {
    let skb: *const c_void = ctx.arg(0);
    let head: u64 = read(skb, offset!(skb_head));
    let data: u64 = read(skb, offset!(skb_data));
    let transport: u16 = read(skb, offset!(skb_transport_header));
    let network: u16 = read(skb, offset!(skb_network_header));
    if data != head + u64::from(transport) || transport <= network {
        return 0;
    }
    let mut segment = Segment::default();
    if !segment.read(skb) || segment.protocol != IPPROTO_TCP || segment.payload == 0 {
        return 0;
    }
    let Some(mut entry) = record::reserve::<Reset>(Counter::LostReset) else { return 0 };
    let to = entry.as_mut_ptr();
    // SAFETY: map value.
    unsafe {
        record::header(&raw mut (*to).header, Kind::Reset, size_of::<Reset>(), 0);
        (*to).segment = segment.endpoints;
        (*to).direction = RESET_SENT;
        (*to).state = TIME_WAIT;
        (*to).has_segment = 1;
        (*to).tcp_flags = segment.flags;
        (*to).reason = NO_REASON;
        (*to).seq = segment.seq;
        (*to).ack_seq = segment.ack_seq;
        (*to).payload = segment.payload;
        (*to).netns = segment.netns;
        (*to).first = segment.first;
    }
    entry.submit(record::NO_WAKEUP);
    0
}

/// What the headers of a received segment say.
struct Segment {
    endpoints: Endpoints,
    seq: u32,
    ack_seq: u32,
    payload: u32,
    netns: u32,
    flags: u8,
    protocol: u8,
    first: [u8; 16],
}

impl Default for Segment {
    #[inline(always)]
    fn default() -> Self {
        let endpoints =
            Endpoints { family: 0, sport_be: 0, dport_be: 0, reserved: 0, saddr: [0; 16], daddr: [0; 16] };
        Self { endpoints, seq: 0, ack_seq: 0, payload: 0, netns: 0, flags: 0, protocol: 0, first: [0; 16] }
    }
}

impl Segment {
    /// What of the segment stands in `struct tcp_skb_cb` (include/net/tcp.h, v6.1 to v7.3): all but the addresses and the
    /// payload's first bytes. `tcp_v4_fill_cb` and `tcp_v6_fill_cb` fill it in before any socket is looked for.
    #[inline(always)]
    fn read_control_block(&mut self, skb: *const c_void) {
        let end_seq: u32 = read(skb, offset!(skb_cb) + 4);
        self.seq = read(skb, offset!(skb_cb));
        self.flags = read(skb, offset!(skb_cb) + 12);
        self.ack_seq = read(skb, offset!(skb_cb) + 16);
        let marks = u32::from(self.flags & SYN != 0) + u32::from(self.flags & FIN != 0);
        self.payload = end_seq.wrapping_sub(self.seq).saturating_sub(marks);
    }

    /// Reads `skb`'s headers; false when they cannot be read.
    #[inline(always)]
    fn read(&mut self, skb: *const c_void) -> bool {
        let head: u64 = read(skb, offset!(skb_head));
        let data: u64 = read(skb, offset!(skb_data));
        let len: u32 = read(skb, offset!(skb_len));
        let network: u16 = read(skb, offset!(skb_network_header));
        let transport: u16 = read(skb, offset!(skb_transport_header));
        let dev: *const c_void = read(skb, offset!(skb_dev));
        if !dev.is_null() {
            let net: *const c_void = read(dev, offset!(dev_net));
            if !net.is_null() {
                self.netns = read(net, offset!(net_inum));
            }
        }
        let mut ip = [0u8; 40];
        if !copy(&mut ip, head + u64::from(network)) {
            return false;
        }
        match ip[0] >> 4 {
            4 => {
                self.protocol = ip[9];
                self.endpoints.family = AF_INET;
                self.endpoints.saddr[..4].copy_from_slice(&ip[12..16]);
                self.endpoints.daddr[..4].copy_from_slice(&ip[16..20]);
            }
            6 => {
                self.protocol = ip[6];
                self.endpoints.family = AF_INET6;
                self.endpoints.saddr.copy_from_slice(&ip[8..24]);
                self.endpoints.daddr.copy_from_slice(&ip[24..40]);
            }
            _ => return false,
        }
        let mut tcp = [0u8; 20];
        let tcp_at = head + u64::from(transport);
        if !copy(&mut tcp, tcp_at) {
            return false;
        }
        self.endpoints.sport_be = u16::from_ne_bytes([tcp[0], tcp[1]]);
        self.endpoints.dport_be = u16::from_ne_bytes([tcp[2], tcp[3]]);
        self.seq = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
        self.ack_seq = u32::from_be_bytes([tcp[8], tcp[9], tcp[10], tcp[11]]);
        self.flags = tcp[13];
        // `data` is at the TCP header or beyond it, as far as the kernel has pulled.
        let pulled = data.wrapping_sub(tcp_at) as u32;
        let header = u32::from(tcp[12] >> 4) * 4;
        self.payload = (len + pulled).saturating_sub(header);
        let in_pages: u32 = read(skb, offset!(skb_data_len));
        if self.payload > 0 && self.payload <= 32 && in_pages == 0 {
            // What lies behind a shorter payload in the buffer is not of it.
            copy(&mut self.first, tcp_at + u64::from(header));
            let mut at = 0;
            while at < 16 {
                if at as u32 >= self.payload {
                    self.first[at] = 0;
                }
                at += 1;
            }
        }
        true
    }
}

#[inline(always)]
fn copy<const N: usize>(to: &mut [u8; N], from: u64) -> bool {
    // SAFETY: helper call.
    unsafe { bpf_probe_read_kernel(to.as_mut_ptr().cast(), N as u32, from as *const c_void) == 0 }
}
