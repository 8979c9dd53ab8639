//! The HTTP tier's state of a socket: its storage, and how it reaches user space.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::BPF_SK_STORAGE_GET_F_CREATE,
    helpers::generated::{bpf_ringbuf_output, bpf_sk_storage_get},
};
use whohungup_ebpf::{
    ABSENT,
    counters::Counter,
    event::Kind,
    exchange::{Exchange, ExchangeRecord, HALF_CLOSED, TLS, UNREAD},
    framing::{self, Start},
};

use crate::{
    fields::{TcpSock, offset},
    helpers::socket_cookie,
    maps::{EVENTS, EXCHANGES, STARTS, TLS_EXCHANGES, TLS_PLAINTEXT_ENABLED, count},
    record,
};

/// The storage of a socket, null where there is none.
#[inline(always)]
pub fn find(sk: *const c_void, tp: TcpSock) -> *mut ExchangeRecord {
    // Most sockets have no storage of any kind: one load instead of a call.
    if offset!(storage) != ABSENT && tp.read::<u64>(offset!(storage)) == 0 {
        return core::ptr::null_mut();
    }
    get(sk, 0)
}

/// The same with the helper's `flags`, which may ask to create it.
#[inline(always)]
pub fn get(sk: *const c_void, flags: u64) -> *mut ExchangeRecord {
    let map = (&raw const EXCHANGES).cast_mut().cast();
    // SAFETY: helper call.
    unsafe { bpf_sk_storage_get(map, sk.cast_mut(), core::ptr::null_mut(), flags).cast() }
}

/// The same, made with what is in `record` where there is none.
#[inline(always)]
pub fn take_over(sk: *const c_void, record: *mut ExchangeRecord) -> *mut ExchangeRecord {
    let map = (&raw const EXCHANGES).cast_mut().cast();
    let flags = u64::from(BPF_SK_STORAGE_GET_F_CREATE);
    // SAFETY: helper call.
    unsafe { bpf_sk_storage_get(map, sk.cast_mut(), record.cast(), flags).cast() }
}

/// The storage of a socket whose first message is `start`, in `direction`; made in one step with what that means, as the
/// other direction may begin at the same time on another processor: an HTTP/2 server speaks first too.
#[inline(always)]
pub fn create(sk: *const c_void, start: Start, direction: u8) -> *mut ExchangeRecord {
    let Some(template) = STARTS.get_ptr_mut(start as u32 * 2 + u32::from(direction)) else {
        return core::ptr::null_mut();
    };
    // SAFETY: map value. Whoever writes there writes the same; all processors read it, so that it is written once.
    unsafe {
        if (&raw const (*template).exchange.protocol).read_volatile() == UNREAD {
            framing::begin(&raw mut (*template).exchange, start, direction);
        }
    }
    let stored = take_over(sk, template);
    // Of two that make it at once one has nothing (`bpf_sk_storage_get`, net/core/bpf_sk_storage.c, v6.1 to v6.18).
    if stored.is_null() { get(sk, 0) } else { stored }
}

/// Forgets everything.
///
/// # Safety
/// `exchange` must be a map value.
#[inline(always)]
pub unsafe fn clear(exchange: *mut Exchange) {
    let from = exchange.cast::<u64>();
    let mut word = 0;
    while word < size_of::<Exchange>() / 8 {
        // SAFETY: map value, as the caller says. Volatile, or the compiler makes a call to a byte-wise memset of it.
        unsafe { from.add(word).write_volatile(0) };
        word += 1;
    }
}

#[inline(always)]
pub fn has_changes(sk: *const c_void, tp: TcpSock) -> bool {
    let stored = find(sk, tp);
    if stored.is_null() {
        return false;
    }
    // SAFETY: map value.
    let exchange = unsafe { &(*stored).exchange };
    exchange.segments != exchange.reported_segments || exchange.flags & HALF_CLOSED != 0
}

/// Sends the HTTP tier's state after a transition; `only_if_changed` when it was sent before.
#[inline(always)]
pub fn report(sk: *const c_void, tp: TcpSock, only_if_changed: bool) {
    let stored = find(sk, tp);
    if stored.is_null() {
        return;
    }
    // SAFETY: map values.
    unsafe {
        let protocol = (*stored).exchange.protocol;
        if protocol == UNREAD && (*stored).exchange.reset_flags == 0 {
            return;
        }
        let cookie = socket_cookie(sk);
        output(stored, Kind::Exchange, cookie, only_if_changed);
        if TLS_PLAINTEXT_ENABLED.load() == 1
            && protocol == TLS
            && let Some(plaintext) = TLS_EXCHANGES.get_ptr_mut(cookie)
            && (*plaintext).exchange.protocol != UNREAD
        {
            output(plaintext, Kind::TlsExchange, cookie, only_if_changed);
        }
    }
}

/// # Safety
/// `stored` must be a map value.
#[inline(always)]
unsafe fn output(stored: *mut ExchangeRecord, kind: Kind, cookie: u64, only_if_changed: bool) {
    // SAFETY: map value, as the caller says; helper call.
    unsafe {
        if only_if_changed && (*stored).exchange.segments == (*stored).exchange.reported_segments {
            return;
        }
        (*stored).exchange.reported_segments = (*stored).exchange.segments;
        record::header(&raw mut (*stored).header, kind, size_of::<ExchangeRecord>(), cookie);
        let events = (&raw const EVENTS).cast_mut().cast();
        let size = size_of::<ExchangeRecord>() as u64;
        if bpf_ringbuf_output(events, stored.cast(), size, record::NO_WAKEUP) != 0 {
            count(Counter::LostExchange);
        }
    }
}
