//! Helpers of the kernel that several programs call. They are safe functions: the verifier refuses a program that
//! passes a pointer of another type than the helper takes.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{
    bpf_get_current_pid_tgid, bpf_get_socket_cookie, bpf_jiffies64, bpf_loop, bpf_seq_write,
};
use whohungup_ebpf::framing::{Cursor, MAX_STEPS, Payload};

#[inline(always)]
pub fn socket_cookie(sk: *const c_void) -> u64 {
    // SAFETY: helper call.
    unsafe { bpf_get_socket_cookie(sk.cast_mut()) }
}

#[inline(always)]
pub fn jiffies() -> u64 {
    // SAFETY: helper call.
    unsafe { bpf_jiffies64() }
}

/// The process's id in the upper half, the thread's in the lower.
#[inline(always)]
pub fn pid_tgid() -> u64 {
    // SAFETY: helper call.
    unsafe { bpf_get_current_pid_tgid() }
}

/// Writes a record to the file of an iterator.
#[inline(always)]
pub fn seq_write<T>(seq: *mut c_void, record: *const T) {
    // SAFETY: helper call.
    unsafe { bpf_seq_write(seq.cast(), record.cast_mut().cast(), size_of::<T>() as u32) };
}

/// Lets a cursor read on to the end of its segment.
#[inline(always)]
pub fn run_cursor<P: Payload>(cursor: &mut Cursor<P>) {
    let step = step::<P> as unsafe extern "C" fn(u64, *mut c_void) -> i64 as *const ();
    // SAFETY: helper call; `step` gets the pointer to the cursor that is passed here.
    unsafe { bpf_loop(MAX_STEPS, step.cast_mut().cast(), (&raw mut *cursor).cast(), 0) };
}

/// One decision; 1 ends the loop.
unsafe extern "C" fn step<P: Payload>(_index: u64, cursor: *mut c_void) -> i64 {
    // SAFETY: own memory: the cursor that `run_cursor` passes.
    i64::from(unsafe { (*cursor.cast::<Cursor<P>>()).step() })
}
