//! The HTTP tier's state of a socket: its storage, and how it reaches user space.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_get_socket_cookie, bpf_ringbuf_output, bpf_sk_storage_get};
use whohungup_ebpf::{
    ABSENT,
    counters::Counter,
    event::Kind,
    exchange::{ExchangeRecord, HALF_CLOSED, TLS, UNREAD},
};

use crate::{
    fields::{TcpSock, offset},
    maps::{EVENTS, EXCHANGES, TLS_EXCHANGES, TLS_PLAINTEXT_ENABLED, count},
    record,
};

#[inline(always)]
pub fn find(sk: *const c_void, tp: TcpSock) -> *mut ExchangeRecord {
    // Most sockets have no storage of any kind: one load instead of a call.
    if offset!(storage) != ABSENT && tp.read::<u64>(offset!(storage)) == 0 {
        return core::ptr::null_mut();
    }
    get(sk, 0)
}

#[inline(always)]
pub fn get(sk: *const c_void, flags: u64) -> *mut ExchangeRecord {
    unsafe {
        bpf_sk_storage_get(
            (&raw const EXCHANGES).cast_mut().cast(),
            sk.cast_mut(),
            core::ptr::null_mut(),
            flags,
        )
        .cast()
    }
}

#[inline(always)]
pub fn has_changes(sk: *const c_void, tp: TcpSock) -> bool {
    let stored = find(sk, tp);
    if stored.is_null() {
        return false;
    }
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
    unsafe {
        let protocol = (*stored).exchange.protocol;
        if protocol == UNREAD {
            return;
        }
        let cookie = bpf_get_socket_cookie(sk.cast_mut());
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

#[inline(always)]
unsafe fn output(stored: *mut ExchangeRecord, kind: Kind, cookie: u64, only_if_changed: bool) {
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
