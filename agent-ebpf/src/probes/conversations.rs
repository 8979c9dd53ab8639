//! Sockets whose messages are not read: their storage, each segment as it passes, and how they reach user space.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::{__sk_buff, BPF_SK_STORAGE_GET_F_CREATE},
    helpers::generated::{bpf_ringbuf_output, bpf_sk_storage_delete, bpf_sk_storage_get},
};
use whohungup_ebpf::{
    ABSENT,
    conversation::{
        self, Conversation, ConversationRecord, OPENINGS_SENT, PING_LINES, PROGRESS, SPOKE_LATE,
        STARTED_LATE, Segment, YOUNG_SEGMENTS,
    },
    counters::Counter,
    event::{Kind, Progress},
    exchange::{IN, NONE, OUT},
    framing::{FirstBytes, Payload},
};

use crate::{
    fields::{TcpSock, offset},
    helpers::{jiffies, socket_cookie},
    maps::{CONVERSATIONS, EVENTS, count},
    record,
};

/// The first byte of a TLS handshake: a connection may go over to TLS at any time (STARTTLS, PostgreSQL's SSLRequest).
const TLS_HANDSHAKE: u8 = 0x16;

/// The storage of a socket, null where there is none.
#[inline(always)]
pub fn find(sk: *const c_void) -> *mut ConversationRecord {
    storage(sk, 0)
}

#[inline(always)]
fn storage(sk: *const c_void, flags: u64) -> *mut ConversationRecord {
    let map = (&raw const CONVERSATIONS).cast_mut().cast();
    // SAFETY: helper call.
    unsafe { bpf_sk_storage_get(map, sk.cast_mut(), core::ptr::null_mut(), flags).cast() }
}

/// Forgets the conversation of a socket that is connected once more.
#[inline(always)]
pub fn forget(sk: *const c_void, tp: TcpSock) {
    if has_storage(tp) {
        // SAFETY: helper call.
        unsafe { bpf_sk_storage_delete((&raw const CONVERSATIONS).cast_mut().cast(), sk.cast_mut()) };
    }
}

/// Most sockets have no storage of any kind: one load instead of a call.
#[inline(always)]
fn has_storage(tp: TcpSock) -> bool {
    offset!(storage) == ABSENT || tp.read::<u64>(offset!(storage)) != 0
}

/// Whether a segment that begins with `first` may be the first of HTTP or TLS: not in the midst of another protocol
/// whose beginning was seen.
#[inline(always)]
pub fn may_be_recognised(stored: *const ConversationRecord, first: FirstBytes) -> bool {
    if stored.is_null() {
        return true;
    }
    // SAFETY: map value.
    let (flags, segments) = unsafe { ((*stored).conversation.flags, (*stored).conversation.segments) };
    // A NATS client's CONNECT is no request of HTTP's.
    let is_open = segments < YOUNG_SEGMENTS && flags & PING_LINES == 0;
    is_open || flags & STARTED_LATE != 0 || first[0] == TLS_HANDSHAKE
}

/// Takes in a segment that is neither HTTP nor TLS. `stored` is what [`find`] found.
#[inline(always)]
pub fn follow<P: Payload>(
    payload: &P,
    skb: *mut __sk_buff,
    sk: *mut c_void,
    stored: *mut ConversationRecord,
    (direction, at): (u8, (u32, u32, u32)),
    first: FirstBytes,
) {
    let segment = Segment { direction, seq: at.0, at: at.1, len: at.2, now: jiffies() as u32 };
    let stored = if stored.is_null() { begin(sk, segment) } else { stored };
    if stored.is_null() {
        count(Counter::ExchangeFailed);
        return;
    }
    // SAFETY: map value.
    unsafe {
        let conversation = &raw mut (*stored).conversation;
        if conversation::take_in(conversation, payload, segment, first) {
            report_progress(skb, stored);
        }
    }
}

#[inline(always)]
fn begin(sk: *mut c_void, segment: Segment) -> *mut ConversationRecord {
    let Some(tp) = TcpSock::from_sk(sk) else { return core::ptr::null_mut() };
    let stored = storage(sk, u64::from(BPF_SK_STORAGE_GET_F_CREATE));
    if stored.is_null() {
        return stored;
    }
    let Socket { asker, is_late } = Socket::of(tp, segment);
    // SAFETY: map value.
    unsafe {
        // Two processors may make it at once.
        if (*stored).conversation.segments == 0 {
            conversation::begin(&raw mut (*stored).conversation, asker, is_late);
        }
    }
    stored
}

/// What a socket's own counters say when the first segment passes that is not read.
struct Socket {
    asker: u8,
    is_late: bool,
}

impl Socket {
    /// The SYN of an active open is counted in `bytes_acked`, that of a passive one is not (`tcp_ack`,
    /// net/ipv4/tcp_input.c). What leaves is counted as sent before it passes, and moves `snd_nxt` after it
    /// (`__tcp_transmit_skb`, `tcp_event_new_data_sent`, net/ipv4/tcp_output.c; v6.1 to v6.18).
    #[inline(always)]
    fn of(tp: TcpSock, segment: Segment) -> Self {
        let (next, acknowledged): (u32, u32) = (tp.read(offset!(snd_nxt)), tp.read(offset!(snd_una)));
        let end = segment.seq.wrapping_add(segment.len);
        let is_new = segment.direction == OUT && (end.wrapping_sub(next) as i32) > 0;
        let on_its_way = u64::from((if is_new { end } else { next }).wrapping_sub(acknowledged));
        let sent = tp.read::<u64>(offset!(bytes_sent)).wrapping_sub(tp.read::<u64>(offset!(bytes_retrans)));
        let received: u64 = tp.read(offset!(bytes_received));
        let acked: u64 = tp.read(offset!(bytes_acked));
        let asker = match acked.wrapping_sub(sent.wrapping_sub(on_its_way)) {
            0 => IN,
            1 => OUT,
            _ => NONE,
        };
        let before = if segment.direction == OUT { u64::from(segment.len) } else { 0 };
        Self { asker, is_late: received != 0 || sent != before }
    }
}

/// Reports how many turns there were; before the first of these reports, what tells the protocol.
///
/// # Safety
/// `stored` must be a map value.
#[inline(always)]
unsafe fn report_progress(skb: *mut __sk_buff, stored: *mut ConversationRecord) {
    let cookie = socket_cookie(skb.cast());
    // SAFETY: map values.
    unsafe {
        let conversation = &raw mut (*stored).conversation;
        if (*conversation).flags & OPENINGS_SENT == 0 {
            (*conversation).flags |= OPENINGS_SENT;
            output(stored, cookie);
        }
        let Some(mut entry) = record::reserve::<Progress>(Counter::LostOther) else { return };
        let to = entry.as_mut_ptr();
        record::header(&raw mut (*to).header, Kind::Progress, size_of::<Progress>(), cookie);
        (*to).begun = turns_of_the_client(conversation);
        (*to).answered = (*conversation).answered;
        (*to).reuses = (*conversation).reuses;
        (*to).gap = (*conversation).gap;
        (*to).protocol = PROGRESS;
        (*to).reserved = 0;
        entry.submit(record::NO_WAKEUP);
    }
}

/// # Safety
/// `conversation` must be a map value.
#[inline(always)]
unsafe fn turns_of_the_client(conversation: *const Conversation) -> u32 {
    // SAFETY: map value, as the caller says.
    unsafe {
        if (*conversation).asker == IN {
            (*conversation).flows[0].turns
        } else {
            (*conversation).flows[1].turns
        }
    }
}

/// Something was sent after the peer's FIN: only the peer's last segment shows whether it still read.
#[inline(always)]
pub fn expect_final_ack(sk: *const c_void, tp: TcpSock) {
    let stored = stored(sk, tp);
    if stored.is_null() {
        return;
    }
    // SAFETY: map value.
    unsafe {
        let conversation = &raw mut (*stored).conversation;
        if (*conversation).segments != (*conversation).reported_segments {
            (*conversation).flags |= SPOKE_LATE;
        }
    }
}

#[inline(always)]
pub fn has_changes(sk: *const c_void, tp: TcpSock) -> bool {
    let stored = stored(sk, tp);
    if stored.is_null() {
        return false;
    }
    // SAFETY: map value.
    let conversation = unsafe { &(*stored).conversation };
    conversation.segments != conversation.reported_segments || conversation.flags & SPOKE_LATE != 0
}

#[inline(always)]
fn stored(sk: *const c_void, tp: TcpSock) -> *mut ConversationRecord {
    if has_storage(tp) { find(sk) } else { core::ptr::null_mut() }
}

/// Sends the conversation after a transition; `only_if_changed` when it was sent before.
#[inline(always)]
pub fn report(sk: *const c_void, tp: TcpSock, only_if_changed: bool) {
    let stored = stored(sk, tp);
    if stored.is_null() {
        return;
    }
    // SAFETY: map value.
    unsafe {
        let conversation = &raw mut (*stored).conversation;
        if only_if_changed && (*conversation).segments == (*conversation).reported_segments {
            return;
        }
        (*conversation).reported_segments = (*conversation).segments;
        output(stored, socket_cookie(sk));
    }
}

/// # Safety
/// `stored` must be a map value.
#[inline(always)]
unsafe fn output(stored: *mut ConversationRecord, cookie: u64) {
    // SAFETY: map value, as the caller says; helper call.
    unsafe {
        record::header(
            &raw mut (*stored).header,
            Kind::Conversation,
            size_of::<ConversationRecord>(),
            cookie,
        );
        let events = (&raw const EVENTS).cast_mut().cast();
        let size = size_of::<ConversationRecord>() as u64;
        if bpf_ringbuf_output(events, stored.cast(), size, record::NO_WAKEUP) != 0 {
            count(Counter::LostExchange);
        }
    }
}
