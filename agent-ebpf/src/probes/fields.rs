//! Reading members of kernel structures through BTF-typed pointers.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_skc_to_tcp_sock;
use whohungup_ebpf::{
    ABSENT,
    event::{Endpoints, Keepalive},
};

use crate::maps::OFFSETS;

/// The frozen offset of a member. The verifier folds it to a constant.
macro_rules! offset {
    ($field:ident) => {
        $crate::fields::frozen(core::mem::offset_of!(whohungup_ebpf::offsets::Offsets, $field))
    };
}
pub(crate) use offset;

#[inline(always)]
pub fn frozen(at: usize) -> u32 {
    // SAFETY: own memory; `offset!` gives the place of a `u32`.
    unsafe { core::ptr::read_volatile((&raw const OFFSETS).cast::<u8>().add(at).cast::<u32>()) }
}

/// Loads a `T` that lies `offset` bytes into the structure that `base` points to. Safe to call: the verifier refuses
/// a `base` whose BTF type it does not know, and an `offset` that is not frozen.
#[inline(always)]
pub fn read<T: Copy>(base: *const c_void, offset: u32) -> T {
    // SAFETY: kernel member.
    unsafe { core::ptr::read_volatile(base.cast::<u8>().add(offset as usize).cast::<T>()) }
}

/// `cgroup_id`, include/linux/cgroup.h: of its directory; 0 without.
#[inline(always)]
fn cgroup_id(cgroup: *const c_void) -> u64 {
    if cgroup.is_null() {
        return 0;
    }
    let kn: *const c_void = read(cgroup, offset!(cgroup_kn));
    if kn.is_null() { 0 } else { read(kn, offset!(kn_id)) }
}

/// The cgroup v2 of a task, 0 where the kernel does not say (`task_dfl_cgroup`, include/linux/cgroup.h, v6.1 to v6.18).
#[inline(always)]
pub fn task_cgroup_id(task: *const c_void) -> u64 {
    if [offset!(task_cgroups), offset!(css_set_dfl_cgrp), offset!(cgroup_kn), offset!(kn_id)]
        .contains(&ABSENT)
    {
        return 0;
    }
    let set: *const c_void = read(task, offset!(task_cgroups));
    if set.is_null() { 0 } else { cgroup_id(read(set, offset!(css_set_dfl_cgrp))) }
}

/// A full TCP socket (never a request, a time-wait or an MPTCP meta socket).
#[derive(Clone, Copy)]
pub struct TcpSock(*const c_void);

impl TcpSock {
    #[inline(always)]
    pub fn from_sk(sk: *const c_void) -> Option<Self> {
        // SAFETY: helper call.
        let tp = unsafe { bpf_skc_to_tcp_sock(sk.cast_mut()) };
        if tp.is_null() { None } else { Some(Self(tp.cast())) }
    }

    #[inline(always)]
    pub fn read<T: Copy>(self, offset: u32) -> T {
        read(self.0, offset)
    }

    /// The network namespace's inode number.
    #[inline(always)]
    pub fn netns(self) -> u32 {
        let net: *const c_void = self.read(offset!(net));
        read(net, offset!(net_inum))
    }

    /// When its keepalive probes go out.
    #[inline(always)]
    pub fn keepalive(self) -> Keepalive {
        const NONE: Keepalive = Keepalive { time: 0, interval: 0, probes: 0, reserved: 0 };
        if [
            offset!(keepalive_time),
            offset!(keepalive_interval),
            offset!(keepalive_probes),
            offset!(net_keepalive_time),
            offset!(net_keepalive_interval),
            offset!(net_keepalive_probes),
        ]
        .contains(&ABSENT)
        {
            return NONE;
        }
        let net: *const c_void = self.read(offset!(net));
        // A socket's own 0 stands for the namespace's.
        let or = |own: u32, at: u32| if own == 0 { read(net, at) } else { own };
        let own_probes: u8 = self.read(offset!(keepalive_probes));
        Keepalive {
            time: or(self.read(offset!(keepalive_time)), offset!(net_keepalive_time)),
            interval: or(self.read(offset!(keepalive_interval)), offset!(net_keepalive_interval)),
            probes: u32::from(if own_probes == 0 {
                read(net, offset!(net_keepalive_probes))
            } else {
                own_probes
            }),
            reserved: 0,
        }
    }

    /// The cgroup v2 id, 0 where the kernel does not say.
    #[inline(always)]
    pub fn cgroup_id(self) -> u64 {
        if offset!(cgroup) == ABSENT || offset!(cgroup_kn) == ABSENT || offset!(kn_id) == ABSENT {
            return 0;
        }
        cgroup_id(self.read(offset!(cgroup)))
    }

    /// Writes both ends to `to`.
    ///
    /// # Safety
    /// `to` must be writable.
    #[inline(always)]
    pub unsafe fn endpoints(self, to: *mut Endpoints) {
        let family: u16 = self.read(offset!(family));
        // SAFETY: map value or own memory, as the caller says.
        unsafe {
            (*to).family = family;
            (*to).sport_be = self.read(offset!(sport));
            (*to).dport_be = self.read(offset!(dport));
            (*to).reserved = 0;
            let saddr = (&raw mut (*to).saddr).cast::<u32>();
            let daddr = (&raw mut (*to).daddr).cast::<u32>();
            if family == AF_INET6 && offset!(saddr6) != ABSENT && offset!(daddr6) != ABSENT {
                let mut word = 0;
                while word < 4 {
                    saddr.add(word).write(self.read(offset!(saddr6) + 4 * word as u32));
                    daddr.add(word).write(self.read(offset!(daddr6) + 4 * word as u32));
                    word += 1;
                }
            } else {
                saddr.write(self.read(offset!(saddr)));
                daddr.write(self.read(offset!(daddr)));
                let mut word = 1;
                while word < 4 {
                    // Volatile, or the compiler makes a call to a byte-wise memset of it.
                    saddr.add(word).write_volatile(0);
                    daddr.add(word).write_volatile(0);
                    word += 1;
                }
            }
        }
    }
}

pub const AF_INET: u16 = 2;
pub const AF_INET6: u16 = 10;
