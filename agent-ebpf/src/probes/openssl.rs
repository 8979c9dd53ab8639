//! TLS plaintext: what programs read and write through OpenSSL, parsed by the same framing as clear text.
//!
//! A session is matched with a socket by what only OpenSSL's own I/O does: the socket, which carries TLS, is read by
//! a thread that is inside SSL_do_handshake, on that call's own stack. All data comes after it, so nothing is missed.
//! Whoever feeds OpenSSL from memory never reads a socket there and is never followed. What contradicts a
//! match excludes the session: its connection is then classified from TLS records, as without these programs.

use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext as _,
    bindings::BPF_ANY,
    helpers::generated::{
        bpf_get_attach_cookie, bpf_get_current_task_btf, bpf_map_update_elem, bpf_probe_read_user,
        bpf_task_pt_regs,
    },
    macros::{btf_tracepoint, uprobe, uretprobe},
    programs::{BtfTracePointContext, ProbeContext, RetProbeContext},
};
use whohungup_ebpf::{
    ABSENT,
    counters::Counter,
    exchange::{Exchange, IN, OTHER, OUT, TLS, UNREAD, notes},
    framing::{self, Cursor, FIRST_BYTES, Payload},
    tls_plaintext::{Call, EXCLUDED, FREED, MAX_STACK_DISTANCE, SslObject, TRACKED, TlsSession, call},
};

use crate::{
    exchange_storage,
    fields::{offset, read},
    helpers::{jiffies, pid_tgid, run_cursor, socket_cookie},
    maps::{OPENSSL_CALLS, TLS_EXCHANGES, TLS_SESSIONS, ZERO_EXCHANGE, count},
};

#[uprobe]
pub fn openssl_enter(ctx: ProbeContext) -> u32 {
    // SAFETY: helper call.
    let kind = unsafe { bpf_get_attach_cookie(ctx.as_ptr()) };
    let (Some(ssl), Some(buffer), Some(length_at)) = (ctx.arg(0), ctx.arg(1), ctx.arg(3)) else { return 0 };
    let id = pid_tgid();
    let object = SslObject { ssl, tgid: (id >> 32) as u32, reserved: 0 };
    match kind {
        call::FREE => {
            if let Some(session) = TLS_SESSIONS.get_ptr_mut(object) {
                // SAFETY: map value.
                unsafe { (*session).state = FREED };
            }
        }
        call::UNSEEN => {
            // Early data goes before the handshake that would match it.
            exclude(object);
            let _full =
                TLS_SESSIONS.insert(object, TlsSession { cookie: 0, state: EXCLUDED }, u64::from(BPF_ANY));
        }
        _ => {
            // SAFETY: context.
            let stack = unsafe { (*ctx.regs).rsp };
            let call = Call { ssl, buffer, length_at, stack, kind };
            if OPENSSL_CALLS.insert(id, call, u64::from(BPF_ANY)).is_err() {
                exclude(object);
            }
        }
    }
    0
}

#[uretprobe]
pub fn openssl_leave(ctx: RetProbeContext) -> u32 {
    let id = pid_tgid();
    let Some(call) = OPENSSL_CALLS.get_ptr(id) else { return 0 };
    // SAFETY: map value.
    let call = unsafe { *call };
    // Fails only when it is gone already.
    let _gone = OPENSSL_CALLS.remove(id);
    let direction = match call.kind {
        call::READ | call::READ_EX => IN,
        call::WRITE | call::WRITE_EX => OUT,
        _ => return 0,
    };
    let object = SslObject { ssl: call.ssl, tgid: (id >> 32) as u32, reserved: 0 };
    let Some(session) = TLS_SESSIONS.get_ptr(object) else { return 0 };
    // SAFETY: map value.
    let session = unsafe { *session };
    let Some(len) = length(&ctx, &call) else {
        if direction == IN && session.state == TRACKED {
            mark_drained(session.cookie);
        }
        return 0;
    };
    if session.state != TRACKED || len > i32::MAX as u64 {
        // Freed and still in use (it had more than one owner), or unheard of.
        exclude(object);
        return 0;
    }
    let Some(plaintext) = TLS_EXCHANGES.get_ptr_mut(session.cookie) else { return 0 };
    // SAFETY: map value.
    unsafe { follow(&raw mut (*plaintext).exchange, direction, call.buffer, len as u32) };
    0
}

/// A read found nothing, or the end.
#[inline(always)]
fn mark_drained(cookie: u64) {
    if let Some(plaintext) = TLS_EXCHANGES.get_ptr_mut(cookie) {
        // SAFETY: map value.
        let exchange = unsafe { &mut (*plaintext).exchange };
        if exchange.streams[0].notes & notes::DRAINED == 0 {
            exchange.streams[0].notes |= notes::DRAINED;
            // So that the state is reported.
            exchange.segments = exchange.segments.wrapping_add(1);
        }
    }
}

/// Bytes that the call has read or written, if any.
#[inline(always)]
fn length(ctx: &RetProbeContext, call: &Call) -> Option<u64> {
    let returned: i32 = ctx.ret();
    if returned <= 0 {
        return None;
    }
    let len = if matches!(call.kind, call::READ_EX | call::WRITE_EX) {
        let mut len = 0u64;
        // SAFETY: helper call.
        if unsafe { bpf_probe_read_user((&raw mut len).cast(), 8, call.length_at as *const c_void) } != 0 {
            return Some(u64::MAX);
        }
        len
    } else {
        returned as u64
    };
    (len > 0).then_some(len)
}

/// Nothing that the session of `object` carries is reported from now on.
#[inline(always)]
fn exclude(object: SslObject) {
    if let Some(session) = TLS_SESSIONS.get_ptr_mut(object) {
        // SAFETY: map value.
        let session = unsafe { &mut *session };
        session.state = EXCLUDED;
        // Fails only when it is gone already.
        let _gone = TLS_EXCHANGES.remove(session.cookie);
    }
}

/// The bytes of a process.
#[derive(Clone, Copy)]
struct Plaintext(u64);

impl Payload for Plaintext {
    #[inline(always)]
    unsafe fn load(&self, at: u32, to: *mut u8, len: u32) -> bool {
        let from = self.0.wrapping_add(u64::from(at)) as *const c_void;
        // SAFETY: helper call.
        unsafe { bpf_probe_read_user(to.cast(), len, from) == 0 }
    }
}

/// # Safety
/// `exchange` must be a map value.
#[inline(always)]
unsafe fn follow(exchange: *mut Exchange, direction: u8, buffer: u64, len: u32) {
    // SAFETY: map value, as the caller says.
    unsafe {
        let mut first = [0u8; FIRST_BYTES];
        let most = FIRST_BYTES as u64;
        let some = u64::from(len).min(most);
        let Some(some) = framing::within(some, most) else { return };
        if !Plaintext(buffer).load(0, first.as_mut_ptr(), some as u32) {
            // Nothing is known of what follows.
            (*exchange).protocol = OTHER;
            return;
        }
        if (*exchange).protocol == UNREAD {
            match framing::recognise(first, len) {
                Some(start) => framing::begin(exchange, start, direction),
                None => (*exchange).protocol = OTHER,
            }
        }
        if (*exchange).protocol == OTHER {
            return;
        }
        if direction == IN {
            (*exchange).streams[0].notes &= !notes::DRAINED;
        }
        let stream = if direction == IN {
            &raw const (*exchange).streams[0]
        } else {
            &raw const (*exchange).streams[1]
        };
        let at = ((*stream).end_seq, 0, len);
        let now = jiffies() as u32;
        let Some(mut cursor) = Cursor::enter(Plaintext(buffer), exchange, direction, at, first, now) else {
            return;
        };
        run_cursor(&mut cursor);
        cursor.leave();
    }
}

/// tcp_rcv_space_adjust(struct sock *sk): a process has taken bytes out of a socket (include/trace/events/tcp.h;
/// in the reader's context, v6.1 to v6.18).
#[btf_tracepoint(function = "tcp_rcv_space_adjust")]
pub fn openssl_link(ctx: BtfTracePointContext) -> i32 {
    let id = pid_tgid();
    let Some(call) = OPENSSL_CALLS.get_ptr(id) else { return 0 };
    // SAFETY: map value.
    let call = unsafe { *call };
    if call.kind != call::HANDSHAKE || !is_on_the_stack_of(&call) {
        return 0;
    }
    let sk: *const c_void = ctx.arg(0);
    let stored = exchange_storage::get(sk, 0);
    // SAFETY: map value.
    if stored.is_null() || unsafe { (*stored).exchange.protocol } != TLS {
        return 0;
    }
    let cookie = socket_cookie(sk);
    track(SslObject { ssl: call.ssl, tgid: (id >> 32) as u32, reserved: 0 }, cookie);
    0
}

#[inline(always)]
fn is_on_the_stack_of(call: &Call) -> bool {
    if offset!(user_stack) == ABSENT {
        return true;
    }
    // SAFETY: helper calls.
    let regs = unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) } as *const c_void;
    let now: u64 = read(regs, offset!(user_stack));
    call.stack.wrapping_sub(now) <= MAX_STACK_DISTANCE
}

/// Matches the session of `object` with the socket of `cookie`, unless it has another.
#[inline(always)]
fn track(object: SslObject, cookie: u64) {
    if let Some(session) = TLS_SESSIONS.get_ptr(object) {
        // SAFETY: map value.
        let session = unsafe { *session };
        if session.state == EXCLUDED || session.state == TRACKED && session.cookie == cookie {
            return;
        }
        if session.state == TRACKED {
            // One session, two sockets: either may be somebody else's.
            exclude(object);
            return;
        }
    }
    if TLS_EXCHANGES.get_ptr(cookie).is_some() {
        // A second session on the socket: what it carries and what the first did do not add up.
        let _gone = TLS_EXCHANGES.remove(cookie);
        let _full = TLS_SESSIONS.insert(object, TlsSession { cookie, state: EXCLUDED }, u64::from(BPF_ANY));
        return;
    }
    let Some(zeros) = ZERO_EXCHANGE.get_ptr(0) else { return };
    // SAFETY: helper call.
    let made = unsafe {
        bpf_map_update_elem(
            (&raw const TLS_EXCHANGES).cast_mut().cast(),
            (&raw const cookie).cast(),
            zeros.cast(),
            u64::from(BPF_ANY),
        ) == 0
    };
    if !made
        || TLS_SESSIONS.insert(object, TlsSession { cookie, state: TRACKED }, u64::from(BPF_ANY)).is_err()
    {
        count(Counter::TlsSessionFailed);
        return;
    }
    count(Counter::TlsSessionTracked);
}

/// A thread that ends inside OpenSSL never returns from it.
#[btf_tracepoint(function = "sched_process_exit")]
pub fn openssl_exit(_ctx: BtfTracePointContext) -> i32 {
    let id = pid_tgid();
    // Most threads that end are in no such call.
    let _none = OPENSSL_CALLS.remove(id);
    0
}
