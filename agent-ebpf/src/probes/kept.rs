//! What the HTTP tier keeps of a socket, and how it reaches user space.

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
    maps::{EVENTS, EXCHANGES, INSIDE_TLS, INSIDES, count},
    record,
};

#[inline(always)]
pub fn stored(sk: *const c_void, tp: TcpSock) -> *mut ExchangeRecord {
    // Most sockets have no storage of any kind: one load instead of a call.
    if offset!(storage) != ABSENT && tp.read::<u64>(offset!(storage)) == 0 {
        return core::ptr::null_mut();
    }
    storage(sk, 0)
}

#[inline(always)]
pub fn storage(sk: *const c_void, flags: u64) -> *mut ExchangeRecord {
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
pub fn is_news(sk: *const c_void, tp: TcpSock) -> bool {
    let stored = stored(sk, tp);
    if stored.is_null() {
        return false;
    }
    let exchange = unsafe { &(*stored).exchange };
    exchange.segments != exchange.shipped || exchange.flags & HALF_CLOSED != 0
}

/// Sends the HTTP tier's state after a transition; `only_news` when it went out before.
#[inline(always)]
pub fn tell(sk: *const c_void, tp: TcpSock, only_news: bool) {
    let stored = stored(sk, tp);
    if stored.is_null() {
        return;
    }
    unsafe {
        let protocol = (*stored).exchange.protocol;
        if protocol == UNREAD {
            return;
        }
        let cookie = bpf_get_socket_cookie(sk.cast_mut());
        ship(stored, Kind::Exchange, cookie, only_news);
        if INSIDE_TLS.load() == 1
            && protocol == TLS
            && let Some(inside) = INSIDES.get_ptr_mut(cookie)
            && (*inside).exchange.protocol != UNREAD
        {
            ship(inside, Kind::Inside, cookie, only_news);
        }
    }
}

#[inline(always)]
unsafe fn ship(stored: *mut ExchangeRecord, kind: Kind, cookie: u64, only_news: bool) {
    unsafe {
        if only_news && (*stored).exchange.segments == (*stored).exchange.shipped {
            return;
        }
        (*stored).exchange.shipped = (*stored).exchange.segments;
        record::header(&raw mut (*stored).header, kind, size_of::<ExchangeRecord>(), cookie);
        let events = (&raw const EVENTS).cast_mut().cast();
        let size = size_of::<ExchangeRecord>() as u64;
        if bpf_ringbuf_output(events, stored.cast(), size, record::NO_WAKEUP) != 0 {
            count(Counter::LostExchange);
        }
    }
}
