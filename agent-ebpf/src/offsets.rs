//! Where the running kernel keeps the members that the probes read.
//!
//! Rust cannot emit CO-RE relocations, so the agent resolves each member from the kernel's BTF and
//! freezes the table into the object's `.rodata` before loading it. The verifier then knows every
//! offset as a constant and checks each load against the kernel's own types: a wrong one is refused
//! at load and never read.

/// Declares [`Offsets`] together with the table of what each field stands for.
macro_rules! offsets {
    ($($(#[$doc:meta])* $field:ident: $struct:literal $path:literal $size:literal $need:ident,)*) => {
        /// Byte offsets of kernel structure members; [`crate::ABSENT`] for an optional member that this kernel lacks.
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Offsets {
            $($(#[$doc])* pub $field: u32,)*
        }

        /// One row for each field of [`Offsets`], in the same order.
        pub const MEMBERS: &[Member] = &[
            $(Member { field: stringify!($field), structure: $struct, path: $path, size: $size, need: Need::$need },)*
        ];
    };
}

/// Whether the agent can do without a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
}

/// A kernel structure member: what it is called and how many bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub field: &'static str,
    pub structure: &'static str,
    /// Dotted path from the structure; anonymous structs and unions are looked through.
    pub path: &'static str,
    /// Bytes that the probes load there; the member must be exactly this wide.
    pub size: u32,
    pub need: Need,
}

// Names as of v6.1 to v6.18: include/net/sock.h, include/net/inet_sock.h,
// include/net/inet_connection_sock.h, include/linux/tcp.h.
offsets! {
    family: "tcp_sock" "inet_conn.icsk_inet.sk.__sk_common.skc_family" 2 Required,
    state: "tcp_sock" "inet_conn.icsk_inet.sk.__sk_common.skc_state" 1 Required,
    daddr: "tcp_sock" "inet_conn.icsk_inet.sk.__sk_common.skc_daddr" 4 Required,
    saddr: "tcp_sock" "inet_conn.icsk_inet.sk.__sk_common.skc_rcv_saddr" 4 Required,
    dport: "tcp_sock" "inet_conn.icsk_inet.sk.__sk_common.skc_dport" 2 Required,
    daddr6: "tcp_sock" "inet_conn.icsk_inet.sk.__sk_common.skc_v6_daddr" 16 Optional,
    saddr6: "tcp_sock" "inet_conn.icsk_inet.sk.__sk_common.skc_v6_rcv_saddr" 16 Optional,
    net: "tcp_sock" "inet_conn.icsk_inet.sk.__sk_common.skc_net.net" 8 Required,
    err: "tcp_sock" "inet_conn.icsk_inet.sk.sk_err" 4 Required,
    shutdown: "tcp_sock" "inet_conn.icsk_inet.sk.sk_shutdown" 1 Required,
    flags: "tcp_sock" "inet_conn.icsk_inet.sk.__sk_common.skc_flags" 8 Required,
    socket: "tcp_sock" "inet_conn.icsk_inet.sk.sk_socket" 8 Required,
    linger_time: "tcp_sock" "inet_conn.icsk_inet.sk.sk_lingertime" 8 Required,
    storage: "tcp_sock" "inet_conn.icsk_inet.sk.sk_bpf_storage" 8 Optional,
    cgroup: "tcp_sock" "inet_conn.icsk_inet.sk.sk_cgrp_data.cgroup" 8 Optional,
    sport: "tcp_sock" "inet_conn.icsk_inet.inet_sport" 2 Required,
    retransmits: "tcp_sock" "inet_conn.icsk_retransmits" 1 Required,
    probes_out: "tcp_sock" "inet_conn.icsk_probes_out" 1 Required,
    user_timeout: "tcp_sock" "inet_conn.icsk_user_timeout" 4 Required,
    pingpong: "tcp_sock" "inet_conn.icsk_ack.pingpong" 1 Optional,
    lrcvtime: "tcp_sock" "inet_conn.icsk_ack.lrcvtime" 4 Required,
    lsndtime: "tcp_sock" "lsndtime" 4 Required,
    snd_una: "tcp_sock" "snd_una" 4 Required,
    snd_nxt: "tcp_sock" "snd_nxt" 4 Required,
    snd_wnd: "tcp_sock" "snd_wnd" 4 Required,
    write_seq: "tcp_sock" "write_seq" 4 Required,
    snd_wl1: "tcp_sock" "snd_wl1" 4 Required,
    rcv_nxt: "tcp_sock" "rcv_nxt" 4 Required,
    rcv_wup: "tcp_sock" "rcv_wup" 4 Required,
    rcv_tstamp: "tcp_sock" "rcv_tstamp" 4 Required,
    chrono_start: "tcp_sock" "chrono_start" 4 Required,
    copied_seq: "tcp_sock" "copied_seq" 4 Required,
    srtt_us: "tcp_sock" "srtt_us" 4 Required,
    total_retrans: "tcp_sock" "total_retrans" 4 Required,
    bytes_sent: "tcp_sock" "bytes_sent" 8 Required,
    bytes_retrans: "tcp_sock" "bytes_retrans" 8 Required,
    bytes_acked: "tcp_sock" "bytes_acked" 8 Required,
    bytes_received: "tcp_sock" "bytes_received" 8 Required,
    keepalive_time: "tcp_sock" "keepalive_time" 4 Optional,
    keepalive_interval: "tcp_sock" "keepalive_intvl" 4 Optional,
    keepalive_probes: "tcp_sock" "keepalive_probes" 1 Optional,
    net_inum: "net" "ns.inum" 4 Required,
    net_keepalive_time: "net" "ipv4.sysctl_tcp_keepalive_time" 4 Optional,
    net_keepalive_interval: "net" "ipv4.sysctl_tcp_keepalive_intvl" 4 Optional,
    net_keepalive_probes: "net" "ipv4.sysctl_tcp_keepalive_probes" 1 Optional,
    cgroup_kn: "cgroup" "kn" 8 Optional,
    kn_id: "kernfs_node" "id" 8 Optional,
    task_flags: "task_struct" "flags" 4 Required,
    task_exit_code: "task_struct" "exit_code" 4 Required,
    task_group_leader: "task_struct" "group_leader" 8 Required,
    task_comm: "task_struct" "comm" 16 Required,
    task_tgid: "task_struct" "tgid" 4 Required,
    task_cgroups: "task_struct" "cgroups" 8 Optional,
    css_set_dfl_cgrp: "css_set" "dfl_cgrp" 8 Optional,
    task_signal: "task_struct" "signal" 8 Optional,
    signal_oom_mm: "signal_struct" "oom_mm" 8 Optional,
    user_stack: "pt_regs" "sp" 8 Optional,
    skb_head: "sk_buff" "head" 8 Required,
    skb_data: "sk_buff" "data" 8 Required,
    skb_len: "sk_buff" "len" 4 Required,
    skb_data_len: "sk_buff" "data_len" 4 Required,
    skb_network_header: "sk_buff" "network_header" 2 Required,
    skb_transport_header: "sk_buff" "transport_header" 2 Required,
    skb_cb: "sk_buff" "cb" 48 Required,
    skb_dev: "sk_buff" "dev" 8 Required,
    dev_net: "net_device" "nd_net.net" 8 Required,
}

const _: () = assert!(size_of::<Offsets>() == MEMBERS.len() * 4);
