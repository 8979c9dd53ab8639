//! `iter/tcp`: one record for each socket of the namespace in which the agent reads the iterator.

use core::ffi::c_void;

use whohungup_ebpf::event::{Clock, Kind, Socket, Transition};

use crate::{
    fields::{TcpSock, offset},
    helpers::{jiffies, seq_write, socket_cookie},
    record,
};

/// struct bpf_iter_meta, include/linux/bpf.h
#[repr(C)]
pub struct Meta {
    pub seq: *mut c_void,
    session_id: u64,
    seq_num: u64,
}

/// struct bpf_iter__tcp, net/ipv4/tcp_ipv4.c
#[repr(C)]
pub struct IterTcp {
    pub meta: *const Meta,
    pub sk_common: *const c_void,
    uid: u32,
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/tcp")]
pub extern "C" fn dump_sockets(ctx: *const IterTcp) -> i32 {
    // SAFETY: context.
    let (seq, sk) = unsafe { ((*(*ctx).meta).seq, (*ctx).sk_common) };
    if sk.is_null() {
        // The iterator calls once more after the last socket.
        let mut clock = core::mem::MaybeUninit::<Clock>::uninit();
        let to = clock.as_mut_ptr();
        // SAFETY: own memory.
        unsafe {
            record::header(&raw mut (*to).header, Kind::Clock, size_of::<Clock>(), 0);
            (*to).jiffies64 = jiffies();
        }
        seq_write(seq, to);
        return 0;
    }
    let Some(tp) = TcpSock::from_sk(sk) else { return 0 };
    let mut socket = core::mem::MaybeUninit::<Socket>::uninit();
    let whole = socket.as_mut_ptr();
    let cookie = socket_cookie(sk);
    // SAFETY: own memory.
    unsafe {
        let to: *mut Transition = &raw mut (*whole).transition;
        record::header(&raw mut (*to).header, Kind::Socket, size_of::<Socket>(), cookie);
        let state: u8 = tp.read(offset!(state));
        (*to).old_state = state;
        (*to).new_state = state;
        record::socket_fields(to, tp);
        record::no_task(&raw mut (*to).task);
        (*whole).keepalive = tp.keepalive();
    }
    seq_write(seq, whole);
    0
}
