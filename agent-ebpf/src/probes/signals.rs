//! Signals that end processes: by what a server was told to stop, and when.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::BPF_ANY, helpers::generated::bpf_ktime_get_ns, macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use whohungup_ebpf::{
    counters::Counter,
    event::{Kind, Signal},
};

use crate::{
    fields::{offset, read, task_cgroup_id},
    maps::{SIGNALLED, count},
    record,
};

/// TRACE_SIGNAL_DELIVERED and TRACE_SIGNAL_IGNORED, include/trace/events/signal.h; others are pending already, or lost.
const DELIVERED: i32 = 0;
const IGNORED: i32 = 1;
/// Of one signal to one process no more than one record in this time.
const INTERVAL_NS: u64 = 1_000_000_000;

/// signal_generate(int sig, struct kernel_siginfo *info, struct task_struct *task, int group, int result),
/// include/trace/events/signal.h, v6.1 to v6.18.
#[btf_tracepoint(function = "signal_generate")]
pub fn signal_sent(ctx: BtfTracePointContext) -> i32 {
    let signal: i32 = ctx.arg(0);
    // SIGHUP, SIGINT, SIGQUIT (nginx), SIGKILL, SIGUSR1 (HAProxy), SIGTERM, SIGWINCH (Apache), as servers are told to stop.
    let result: i32 = ctx.arg(4);
    // Every process ignores SIGWINCH that does not handle it.
    let is_reported = match signal {
        2 | 3 | 15 => matches!(result, DELIVERED | IGNORED),
        1 | 9 | 10 | 28 => result == DELIVERED,
        _ => false,
    };
    if !is_reported {
        return 0;
    }
    let task: *const c_void = ctx.arg(2);
    let tgid: u32 = read(task, offset!(task_tgid));
    // SAFETY: helper call.
    let now_ns = unsafe { bpf_ktime_get_ns() };
    let key = u64::from(tgid) << 32 | signal as u64;
    if let Some(last) = SIGNALLED.get_ptr_mut(key) {
        // SAFETY: map value.
        unsafe {
            if now_ns.wrapping_sub(*last) < INTERVAL_NS {
                return 0;
            }
            *last = now_ns;
        }
    } else if SIGNALLED.insert(key, now_ns, u64::from(BPF_ANY)).is_err() {
        count(Counter::SignalFailed);
        return 0;
    }
    let Some(mut entry) = record::reserve::<Signal>(Counter::LostOther) else { return 0 };
    let to = entry.as_mut_ptr();
    // SAFETY: map value.
    unsafe {
        record::header(&raw mut (*to).header, Kind::Signal, size_of::<Signal>(), 0);
        (*to).signal = signal as u32;
        (*to).tgid = tgid;
        (*to).cgroup_id = task_cgroup_id(task);
        (*to).ignored = u32::from(result == IGNORED);
        (*to).reserved = 0;
    }
    entry.submit(record::NO_WAKEUP);
    0
}
