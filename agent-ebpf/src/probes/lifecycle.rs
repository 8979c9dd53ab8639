//! State changes: connect, open, listen, and each step of the end.
//!
//! Kernel facts (net/ipv4/tcp.c, net/ipv4/inet_connection_sock.c, v6.1 to v6.18): the tracepoint fires
//! before `sk_state` is written; the child of a listener still carries the listener's cookie at
//! LISTEN to SYN_RECV before v6.18, so it is first looked at when it reaches ESTABLISHED.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::{
    bindings::BPF_SK_STORAGE_GET_F_CREATE, helpers::generated::bpf_sk_storage_delete, macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use whohungup_ebpf::{
    counters::Counter,
    event::{Connect, ErrorReport, Kind, Listen, Open, Transition},
    exchange::{ExchangeRecord, HALF_CLOSED, HTTP, HTTP2},
};

use crate::{
    conversations,
    exchange_storage::{self, Heads},
    fields::{TcpSock, offset},
    helpers::socket_cookie,
    maps::{EXCHANGES, HANDOVER, count},
    record::{self, Moment, Reservation},
};

// include/net/tcp_states.h
const ESTABLISHED: i32 = 1;
const SYN_SENT: i32 = 2;
const SYN_RECV: i32 = 3;
const FIN_WAIT1: i32 = 4;
const FIN_WAIT2: i32 = 5;
const CLOSE: i32 = 7;
const CLOSE_WAIT: i32 = 8;
const LAST_ACK: i32 = 9;
const LISTEN: i32 = 10;
const CLOSING: i32 = 11;

/// RCV_SHUTDOWN and SEND_SHUTDOWN, include/net/sock.h.
const SHUTDOWN_BOTH: u8 = 3;
/// SOCK_DEAD in `sk_flags`: no process holds the socket (include/net/sock.h).
const DEAD: u64 = 1 << 0;
/// ECONNABORTED: what SOCK_DESTROY leaves, in the destroyer's context.
const ABORTED: i32 = 103;

/// inet_sock_set_state(const struct sock *sk, const int oldstate, const int newstate)
#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn state_changed(ctx: BtfTracePointContext) -> i32 {
    let sk: *const c_void = ctx.arg(0);
    let old: i32 = ctx.arg(1);
    let new: i32 = ctx.arg(2);
    match (old, new) {
        (CLOSE, SYN_SENT) => connecting(sk),
        (SYN_SENT | SYN_RECV, ESTABLISHED) => opened(sk, old),
        (CLOSE, LISTEN) => listening(sk, 1),
        (LISTEN, CLOSE) => listening(sk, 0),
        (ESTABLISHED | SYN_SENT | SYN_RECV, FIN_WAIT1 | CLOSE_WAIT | CLOSE) => leaving(sk, old, new),
        (CLOSE_WAIT, LAST_ACK | CLOSE) | (FIN_WAIT1, CLOSING) => moved_on(sk, old, new),
        (FIN_WAIT1 | FIN_WAIT2 | CLOSING | LAST_ACK, CLOSE) => ended(sk, old, new),
        _ => {}
    }
    0
}

#[inline(always)]
fn connecting(sk: *const c_void) {
    let Some(tp) = TcpSock::from_sk(sk) else { return };
    if !exchange_storage::find(sk, tp).is_null() {
        // The same socket has been connected before (connect with AF_UNSPEC in between).
        // SAFETY: helper call.
        unsafe { bpf_sk_storage_delete((&raw const EXCHANGES).cast_mut().cast(), sk.cast_mut()) };
    }
    conversations::forget(sk, tp);
    let cookie = socket_cookie(sk);
    let Some(mut entry) = record::reserve::<Connect>(Counter::LostOther) else { return };
    let to = entry.as_mut_ptr();
    // SAFETY: map value.
    unsafe {
        record::header(&raw mut (*to).header, Kind::Connect, size_of::<Connect>(), cookie);
        record::task(&raw mut (*to).task);
    }
    entry.submit(record::NO_WAKEUP);
}

#[inline(always)]
fn opened(sk: *const c_void, old: i32) {
    let Some(tp) = TcpSock::from_sk(sk) else { return };
    count(Counter::Opened);
    if old == SYN_RECV {
        take_over(sk, tp);
    }
    let cookie = socket_cookie(sk);
    let Some(mut entry) = record::reserve::<Open>(Counter::LostOpen) else { return };
    let to = entry.as_mut_ptr();
    // SAFETY: map value.
    unsafe {
        record::header(&raw mut (*to).header, Kind::Open, size_of::<Open>(), cookie);
        tp.endpoints(&raw mut (*to).endpoints);
        (*to).netns = tp.netns();
        (*to).old_state = old as u32;
        (*to).cgroup_id = tp.cgroup_id();
    }
    entry.submit(record::NO_WAKEUP);
}

/// What came with the handshake was read before this socket was there.
#[inline(always)]
fn take_over(sk: *const c_void, tp: TcpSock) {
    let Some(slot) = HANDOVER.get_ptr_mut(0) else { return };
    // SAFETY: map value.
    unsafe {
        if (*slot).ports == 0 {
            return;
        }
        let remote = u32::from(u16::from_be(tp.read::<u16>(offset!(dport))));
        let local = u32::from(u16::from_be(tp.read::<u16>(offset!(sport))));
        let is_same = (*slot).ports == remote << 16 | local
            && ((*slot).seq == tp.read::<u32>(offset!(rcv_nxt))
                || (*slot).seq == tp.read::<u32>(offset!(copied_seq))
                || (*slot).record.exchange.streams[0].end_seq == tp.read::<u32>(offset!(rcv_nxt)));
        if !is_same {
            return;
        }
        (*slot).ports = 0;
        if exchange_storage::take_over(sk, &raw mut (*slot).record).is_null() {
            count(Counter::ExchangeFailed);
        } else {
            count(Counter::ExchangeMade);
        }
    }
}

#[inline(always)]
fn listening(sk: *const c_void, began: u32) {
    let Some(tp) = TcpSock::from_sk(sk) else { return };
    let cookie = socket_cookie(sk);
    let Some(mut entry) = record::reserve::<Listen>(Counter::LostOther) else { return };
    let to = entry.as_mut_ptr();
    // SAFETY: map value.
    unsafe {
        record::header(&raw mut (*to).header, Kind::Listen, size_of::<Listen>(), cookie);
        tp.endpoints(&raw mut (*to).endpoints);
        (*to).netns = tp.netns();
        (*to).began = began;
        (*to).cgroup_id = tp.cgroup_id();
        record::task(&raw mut (*to).task);
    }
    entry.submit(record::NO_WAKEUP);
}

/// The first step away from a working connection: always told, with the HTTP tier's state.
#[inline(always)]
fn leaving(sk: *const c_void, old: i32, new: i32) {
    let Some(tp) = TcpSock::from_sk(sk) else { return };
    count(Counter::Left);
    tell(sk, tp, old, new, exchange_storage::find(sk, tp), false);
    // A FIN behind bytes that cannot leave may never leave itself.
    if new == FIN_WAIT1
        && (tp.read::<u8>(offset!(shutdown)) & SHUTDOWN_BOTH != SHUTDOWN_BOTH || record::is_send_blocked(tp))
    {
        expect_end(sk);
    }
}

/// Only sending was shut down, or not all had left: the end must be reported too, and nothing on the socket will show then
/// that it was not closed at once.
#[inline(always)]
fn expect_end(sk: *const c_void) {
    let stored = exchange_storage::get(sk, u64::from(BPF_SK_STORAGE_GET_F_CREATE));
    if stored.is_null() {
        count(Counter::ExchangeFailed);
        return;
    }
    // SAFETY: map value.
    unsafe { (*stored).exchange.flags |= HALF_CLOSED };
}

/// A later step that always says something.
#[inline(always)]
fn moved_on(sk: *const c_void, old: i32, new: i32) {
    let Some(tp) = TcpSock::from_sk(sk) else { return };
    let stored = exchange_storage::find(sk, tp);
    if new == LAST_ACK {
        expect_final_ack(stored);
        if may_have_conversation(stored) {
            conversations::expect_final_ack(sk, tp);
        }
    }
    tell(sk, tp, old, new, stored, true);
}

/// Something was sent after the peer's FIN. Only the peer's last segment shows whether it still read: an
/// acknowledgment of our FIN, or a reset.
#[inline(always)]
fn expect_final_ack(stored: *mut ExchangeRecord) {
    if stored.is_null() {
        return;
    }
    // SAFETY: map value.
    let exchange = unsafe { &mut (*stored).exchange };
    if exchange.segments != exchange.reported_segments {
        exchange.flags |= HALF_CLOSED;
    }
}

/// The last step after a FIN. A closed socket that ends without error and without a byte since its
/// FIN ends as user space expects, and is not told.
#[inline(always)]
fn ended(sk: *const c_void, old: i32, new: i32) {
    let Some(tp) = TcpSock::from_sk(sk) else { return };
    let mut err: i32 = tp.read(offset!(err));
    if old == LAST_ACK
        && tp.read::<u32>(offset!(write_seq)).wrapping_sub(tp.read::<u32>(offset!(snd_una))) <= 1
    {
        // Reset in answer to nothing but our own last FIN: the peer kept no time-wait socket.
        err = 0;
    }
    let held = tp.read::<u64>(offset!(flags)) & DEAD == 0;
    let stored = exchange_storage::find(sk, tp);
    let has_changes = exchange_storage::has_changes(stored)
        || may_have_conversation(stored) && conversations::has_changes(sk, tp);
    if err == 0 && !held && !has_changes {
        return;
    }
    tell(sk, tp, old, new, stored, true);
}

/// What went before HTTP (a PROXY line) says nothing; what went before TLS says which protocol is inside.
#[inline(always)]
fn may_have_conversation(stored: *const ExchangeRecord) -> bool {
    // SAFETY: map value.
    stored.is_null() || !matches!(unsafe { (*stored).exchange.protocol }, HTTP | HTTP2)
}

/// Puts the step on the ring, and behind it in one piece the HTTP tier's state; `only_if_changed` when that was told before.
#[inline(always)]
fn tell(
    sk: *const c_void,
    tp: TcpSock,
    old: i32,
    new: i32,
    stored: *mut ExchangeRecord,
    only_if_changed: bool,
) {
    const TRANSITION: u32 = size_of::<Transition>() as u32;
    let by = (socket_cookie(sk), Moment::now());
    let exchange =
        if exchange_storage::is_due(stored, only_if_changed) { stored } else { core::ptr::null_mut() };
    let heads = Heads::of(exchange);
    let size = if exchange.is_null() { TRANSITION } else { TRANSITION + heads.record_size() };
    let mut room = MaybeUninit::uninit();
    let Some(room) = Reservation::new(&mut room, size) else {
        count(Counter::LostTransition);
        if !exchange.is_null() {
            count(Counter::LostExchange);
        }
        return;
    };
    fill(room.first(), tp, old, new, by);
    if !exchange.is_null() {
        // SAFETY: map value.
        unsafe { exchange_storage::write(&room, TRANSITION, exchange, heads, Kind::Exchange, by) };
    }
    room.submit();
    exchange_storage::report_plaintext(stored, by, only_if_changed);
    if may_have_conversation(stored) {
        conversations::report(sk, tp, only_if_changed);
    }
}

#[inline(always)]
fn fill(to: *mut Transition, tp: TcpSock, old: i32, new: i32, (cookie, moment): (u64, Moment)) {
    if to.is_null() {
        return;
    }
    // SAFETY: map value.
    unsafe {
        let size = size_of::<Transition>();
        record::header_at(&raw mut (*to).header, Kind::Transition, size, cookie, moment);
        (*to).old_state = old as u8;
        (*to).new_state = new as u8;
        record::socket_fields(to, tp);
        if made_by_current_task(old, new, (*to).err as i32) {
            record::task(&raw mut (*to).task);
        } else {
            record::no_task(&raw mut (*to).task);
        }
    }
}

/// Elsewhere the transition is made by a packet or a timer, in whatever task that interrupted.
#[inline(always)]
fn made_by_current_task(old: i32, new: i32, err: i32) -> bool {
    matches!((old, new), (ESTABLISHED | SYN_RECV, FIN_WAIT1) | (CLOSE_WAIT, LAST_ACK))
        || (new == CLOSE
            && (err == ABORTED || err == 0 && matches!(old, ESTABLISHED | SYN_SENT | SYN_RECV | CLOSE_WAIT)))
}

/// inet_sk_error_report(const struct sock *sk): an error for the application. On a socket that
/// ends the transition tells it; here only one that lives on (an ICMP error with IP_RECVERR).
#[btf_tracepoint(function = "inet_sk_error_report")]
pub fn error_reported(ctx: BtfTracePointContext) -> i32 {
    let sk: *const c_void = ctx.arg(0);
    let Some(tp) = TcpSock::from_sk(sk) else { return 0 };
    let state: u8 = tp.read(offset!(state));
    if i32::from(state) == CLOSE {
        return 0;
    }
    let cookie = socket_cookie(sk);
    let Some(mut entry) = record::reserve::<ErrorReport>(Counter::LostOther) else { return 0 };
    let to = entry.as_mut_ptr();
    // SAFETY: map value.
    unsafe {
        record::header(&raw mut (*to).header, Kind::ErrorReport, size_of::<ErrorReport>(), cookie);
        (*to).err = tp.read(offset!(err));
        (*to).state = u32::from(state);
    }
    entry.submit(record::NO_WAKEUP);
    0
}
