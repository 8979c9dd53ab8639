//! Writing records in place on the ring.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::{
    bindings::bpf_dynptr,
    helpers::generated::{
        bpf_dynptr_data, bpf_dynptr_write, bpf_get_current_task_btf, bpf_ktime_get_ns,
        bpf_ringbuf_discard_dynptr, bpf_ringbuf_reserve_dynptr, bpf_ringbuf_submit_dynptr,
    },
    maps::ring_buf::RingBufEntry,
};
use whohungup_ebpf::{
    ABSENT, WIRE_VERSION,
    counters::Counter,
    event::{Header, Kind, Task, Transition},
};

use crate::{
    fields::{TcpSock, offset, read},
    helpers::{jiffies, pid_tgid},
    maps::{EVENTS, count},
};

/// The agent polls the ring on a timer: waking it for each record would cost more than the record.
pub const NO_WAKEUP: u64 = 1; // BPF_RB_NO_WAKEUP, include/uapi/linux/bpf.h

/// include/linux/sched.h
const PF_EXITING: u32 = 0x4;

/// Room for a `T` on the ring, or `None` with the loss counted as `lost`.
#[inline(always)]
pub fn reserve<T: 'static>(lost: Counter) -> Option<RingBufEntry<T>> {
    let entry = EVENTS.reserve_untyped::<T>(0);
    if entry.is_none() {
        count(lost);
    }
    entry
}

/// Room on the ring for records whose size is known only when they are written (`bpf_ringbuf_reserve_dynptr`, since v5.19).
///
/// What tells of it must stay where the kernel has put it on the stack: it is the caller's.
pub struct Reservation<'a>(&'a mut MaybeUninit<bpf_dynptr>);

impl<'a> Reservation<'a> {
    /// `None` where there is no room.
    #[inline(always)]
    pub fn new(room: &'a mut MaybeUninit<bpf_dynptr>, size: u32) -> Option<Self> {
        let events = (&raw const EVENTS).cast_mut().cast();
        // SAFETY: helper calls. Also what was not reserved is to be discarded.
        unsafe {
            if bpf_ringbuf_reserve_dynptr(events, size, 0, room.as_mut_ptr()) != 0 {
                bpf_ringbuf_discard_dynptr(room.as_mut_ptr(), 0);
                return None;
            }
        }
        Some(Self(room))
    }

    /// The first bytes of it, to be filled in place; null where it is smaller.
    #[inline(always)]
    pub fn first<T>(&self) -> *mut T {
        // SAFETY: helper call.
        unsafe { bpf_dynptr_data(self.0.as_ptr(), 0, size_of::<T>() as u32).cast() }
    }

    /// Copies `len` bytes to `at`.
    ///
    /// # Safety
    /// `from` must be readable for `len` bytes.
    #[inline(always)]
    pub unsafe fn write(&self, at: u32, from: *mut u8, len: u32) {
        // SAFETY: helper call; it fails beyond the end.
        unsafe { bpf_dynptr_write(self.0.as_ptr(), at, from.cast(), len, 0) };
    }

    #[inline(always)]
    pub fn submit(self) {
        // SAFETY: helper call.
        unsafe { bpf_ringbuf_submit_dynptr(self.0.as_mut_ptr(), NO_WAKEUP) };
    }
}

/// Fills in a header at `to`.
///
/// # Safety
/// `to` must be writable.
#[inline(always)]
pub unsafe fn header(to: *mut Header, kind: Kind, size: usize, cookie: u64) {
    // SAFETY: as the caller says.
    unsafe { header_at(to, kind, size, cookie, Moment::now()) };
}

/// The same for what happened at `moment`.
///
/// # Safety
/// `to` must be writable.
#[inline(always)]
pub unsafe fn header_at(to: *mut Header, kind: Kind, size: usize, cookie: u64, moment: Moment) {
    // SAFETY: map value or own memory, as the caller says.
    unsafe {
        (*to).version = WIRE_VERSION;
        (*to).kind = kind as u8;
        (*to).size = size as u16;
        (*to).jiffies = moment.jiffies;
        (*to).ktime_ns = moment.ktime_ns;
        (*to).cookie = cookie;
    }
}

/// One reading of both clocks.
#[derive(Clone, Copy)]
pub struct Moment {
    jiffies: u32,
    ktime_ns: u64,
}

impl Moment {
    #[inline(always)]
    pub fn now() -> Self {
        // SAFETY: helper call.
        Self { jiffies: jiffies() as u32, ktime_ns: unsafe { bpf_ktime_get_ns() } }
    }
}

/// Describes the running task at `to`; call it only where the task caused the event.
///
/// # Safety
/// `to` must be writable.
#[inline(always)]
pub unsafe fn task(to: *mut Task) {
    // SAFETY: map value, as the caller says; helper calls.
    unsafe {
        let current: *const c_void = bpf_get_current_task_btf().cast();
        (*to).tgid = (pid_tgid() >> 32) as u32;
        (*to).flags = read(current, offset!(task_flags));
        (*to).exit_code = read(current, offset!(task_exit_code));
        (*to).oom_victim = if (*to).flags & PF_EXITING == 0 { 0 } else { oom_victim(current) };
        let leader: *const c_void = read(current, offset!(task_group_leader));
        let comm = (&raw mut (*to).comm).cast::<u64>();
        comm.write(read(leader, offset!(task_comm)));
        comm.add(1).write(read(leader, offset!(task_comm) + 8));
    }
}

/// `tsk_is_oom_victim`: the killer pins the victim's memory to its `signal_struct` (mm/oom_kill.c, v6.1 to v6.18).
#[inline(always)]
fn oom_victim(task: *const c_void) -> u32 {
    if offset!(task_signal) == ABSENT || offset!(signal_oom_mm) == ABSENT {
        return 0;
    }
    let signal: *const c_void = read(task, offset!(task_signal));
    u32::from(read::<u64>(signal, offset!(signal_oom_mm)) != 0)
}

/// Says that no task caused the event.
///
/// # Safety
/// `to` must be writable.
#[inline(always)]
pub unsafe fn no_task(to: *mut Task) {
    // SAFETY: map value or own memory, as the caller says.
    unsafe {
        (*to).tgid = 0;
        (*to).flags = 0;
        (*to).exit_code = 0;
        (*to).oom_victim = 0;
        // Volatile, or the compiler makes a call to a byte-wise memset of it.
        (&raw mut (*to).comm).cast::<u64>().write_volatile(0);
        (&raw mut (*to).comm).cast::<u64>().add(1).write_volatile(0);
    }
}

/// Whether not all that was written can leave now. What merely waits for more to fill a segment (TCP_CORK, as nginx uses it with
/// `tcp_nopush`, MSG_MORE) leaves with the FIN.
#[inline(always)]
pub fn is_send_blocked(tp: TcpSock) -> bool {
    let (written, next): (u32, u32) = (tp.read(offset!(write_seq)), tp.read(offset!(snd_nxt)));
    if written == next {
        return false;
    }
    let acknowledged: u32 = tp.read(offset!(snd_una));
    next != acknowledged || written.wrapping_sub(acknowledged) > tp.read::<u32>(offset!(snd_wnd))
}

/// Copies the socket's fields to `to`; header, states and task are the caller's.
///
/// # Safety
/// `to` must be writable.
#[inline(always)]
pub unsafe fn socket_fields(to: *mut Transition, tp: TcpSock) {
    // SAFETY: map value or own memory, as the caller says.
    unsafe {
        tp.endpoints(&raw mut (*to).endpoints);
        (*to).shutdown = tp.read(offset!(shutdown));
        (*to).pingpong = if offset!(pingpong) == ABSENT { 0 } else { tp.read(offset!(pingpong)) };
        (*to).retransmits = tp.read(offset!(retransmits));
        (*to).probes_out = tp.read(offset!(probes_out));
        (*to).has_socket = u8::from(tp.read::<u64>(offset!(socket)) != 0);
        (*to).send_blocked = u8::from(is_send_blocked(tp));
        (*to).flags = tp.read::<u64>(offset!(flags)) as u32;
        (*to).err = tp.read(offset!(err));
        (*to).linger_time = tp.read::<u64>(offset!(linger_time)) as u32;
        (*to).snd_una = tp.read(offset!(snd_una));
        (*to).snd_nxt = tp.read(offset!(snd_nxt));
        (*to).write_seq = tp.read(offset!(write_seq));
        (*to).snd_wl1 = tp.read(offset!(snd_wl1));
        (*to).rcv_nxt = tp.read(offset!(rcv_nxt));
        (*to).copied_seq = tp.read(offset!(copied_seq));
        (*to).lsndtime = tp.read(offset!(lsndtime));
        (*to).lrcvtime = tp.read(offset!(lrcvtime));
        (*to).srtt_us = tp.read(offset!(srtt_us));
        (*to).total_retrans = tp.read(offset!(total_retrans));
        (*to).user_timeout = tp.read(offset!(user_timeout));
        (*to).netns = tp.netns();
        (*to).rcv_wup = tp.read(offset!(rcv_wup));
        (*to).rcv_tstamp = tp.read(offset!(rcv_tstamp));
        (*to).chrono_start = tp.read(offset!(chrono_start));
        (*to).bytes_sent = tp.read(offset!(bytes_sent));
        (*to).bytes_retrans = tp.read(offset!(bytes_retrans));
        (*to).bytes_acked = tp.read(offset!(bytes_acked));
        (*to).bytes_received = tp.read(offset!(bytes_received));
        (*to).cgroup_id = tp.cgroup_id();
    }
}
