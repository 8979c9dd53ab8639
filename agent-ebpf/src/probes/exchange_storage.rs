//! The HTTP tier's state of a socket: its storage, and how it reaches user space.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::{bindings::BPF_SK_STORAGE_GET_F_CREATE, helpers::generated::bpf_sk_storage_get};
use whohungup_ebpf::{
    ABSENT,
    counters::Counter,
    event::Kind,
    exchange::{
        Exchange, ExchangeRecord, HALF_CLOSED, HEAD_IN, HEAD_OFFSET, HEAD_OUT, HEADLESS_BYTES, HTTP, HTTP2,
        OUT, STREAMS_OFFSET, Stream, TLS, UNREAD, WINDOW_BYTES, notes,
    },
    framing::{self, Start},
    tls_records::TlsRecords,
};

use crate::{
    fields::{TcpSock, offset},
    maps::{EXCHANGES, STARTS, TLS_EXCHANGES, TLS_PLAINTEXT_ENABLED, count},
    record::{self, Moment, Reservation},
};

const WINDOW: u32 = WINDOW_BYTES as u32;
/// Where what an [`ExchangeRecord`] keeps of each direction lies in it.
const IN_HEAD: u32 = (STREAMS_OFFSET + HEAD_OFFSET) as u32;
const OUT_STREAM: usize = STREAMS_OFFSET + size_of::<Stream>();

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

/// There is something to tell of it; `only_if_changed` when it was told before.
#[inline(always)]
pub fn is_due(stored: *mut ExchangeRecord, only_if_changed: bool) -> bool {
    if stored.is_null() {
        return false;
    }
    // SAFETY: map value.
    let exchange = unsafe { &(*stored).exchange };
    let is_read = exchange.protocol != UNREAD || exchange.reset_flags != 0;
    is_read && !(only_if_changed && exchange.segments == exchange.reported_segments)
}

/// It has changed since it was told, or how the socket ends is to be told.
#[inline(always)]
pub fn has_changes(stored: *mut ExchangeRecord) -> bool {
    if stored.is_null() {
        return false;
    }
    // SAFETY: map value.
    let exchange = unsafe { &(*stored).exchange };
    exchange.segments != exchange.reported_segments || exchange.flags & HALF_CLOSED != 0
}

/// How many bytes of each direction's [`Stream::head`] go on the ring.
#[derive(Clone, Copy)]
pub struct Heads {
    inward: u32,
    outward: u32,
}

impl Heads {
    const NONE: Self = Self { inward: 0, outward: 0 };

    /// A head that nobody reads stays where it is: of HTTP/1 the response's announces, and an open request of this end may be
    /// one that is lost and sent again.
    #[inline(always)]
    pub fn of(stored: *mut ExchangeRecord) -> Self {
        if stored.is_null() {
            return Self::NONE;
        }
        // SAFETY: map value.
        unsafe {
            let exchange = &raw mut (*stored).exchange;
            let protocol = (*exchange).protocol;
            let asks_out = (*exchange).request_direction == OUT;
            let may_be_sent_again = asks_out && (*exchange).begun != (*exchange).answered;
            let (heads, len) = match protocol {
                HTTP if (*exchange).streams[0].notes & notes::FRAMES != 0 => (HEAD_IN | HEAD_OUT, WINDOW),
                HTTP if may_be_sent_again => (HEAD_IN | HEAD_OUT, WINDOW),
                HTTP if asks_out => (HEAD_IN, u32::from((*exchange).streams[0].head_len)),
                HTTP => (HEAD_OUT, u32::from((*exchange).streams[1].head_len)),
                HTTP2 => (HEAD_IN | HEAD_OUT, WINDOW),
                TLS => (HEAD_IN | HEAD_OUT, size_of::<TlsRecords>() as u32),
                _ => (0, 0),
            };
            (*exchange).heads = heads;
            let len = if len > WINDOW { WINDOW } else { len };
            Self {
                inward: if heads & HEAD_IN == 0 { 0 } else { len },
                outward: if heads & HEAD_OUT == 0 { 0 } else { len },
            }
        }
    }

    /// Bytes of the record.
    #[inline(always)]
    pub fn record_size(self) -> u32 {
        HEADLESS_BYTES as u32 + self.inward + self.outward
    }
}

/// Writes the record of `kind` to the ring, `at` bytes behind the beginning of what was reserved.
///
/// # Safety
/// `stored` must be a map value.
#[inline(always)]
pub unsafe fn write(
    to: &Reservation<'_>,
    at: u32,
    stored: *mut ExchangeRecord,
    heads: Heads,
    kind: Kind,
    (cookie, moment): (u64, Moment),
) {
    // SAFETY: map value, as the caller says.
    unsafe {
        (*stored).exchange.reported_segments = (*stored).exchange.segments;
        let size = heads.record_size() as usize;
        record::header_at(&raw mut (*stored).header, kind, size, cookie, moment);
        let from = stored.cast::<u8>();
        to.write(at, from, IN_HEAD);
        to.write(at + IN_HEAD, from.add(IN_HEAD as usize), heads.inward);
        let at = at + IN_HEAD + heads.inward;
        to.write(at, from.add(OUT_STREAM), HEAD_OFFSET as u32);
        to.write(at + HEAD_OFFSET as u32, from.add(OUT_STREAM + HEAD_OFFSET), heads.outward);
    }
}

/// What was read inside TLS, behind the record of the socket's own exchange.
#[inline(always)]
pub fn report_plaintext(stored: *mut ExchangeRecord, (cookie, moment): (u64, Moment), only_if_changed: bool) {
    // SAFETY: map values.
    unsafe {
        if TLS_PLAINTEXT_ENABLED.load() == 1
            && !stored.is_null()
            && (*stored).exchange.protocol == TLS
            && let Some(plaintext) = TLS_EXCHANGES.get_ptr_mut(cookie)
            && (*plaintext).exchange.protocol != UNREAD
            && is_due(plaintext, only_if_changed)
        {
            let heads = Heads::of(plaintext);
            let mut room = MaybeUninit::uninit();
            match Reservation::new(&mut room, heads.record_size()) {
                Some(to) => {
                    write(&to, 0, plaintext, heads, Kind::TlsExchange, (cookie, moment));
                    to.submit();
                }
                None => count(Counter::LostExchange),
            }
        }
    }
}
