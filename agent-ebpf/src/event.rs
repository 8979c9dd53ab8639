//! The records of the ring buffer `EVENTS`.
//!
//! Sequence numbers are the kernel's own (32 bits, wrapping); ports are in host order except where
//! said; `*time` members are jiffies truncated to 32 bits (`tcp_jiffies32`).

/// What a record is; the first byte after the version.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// CLOSE to SYN_SENT, in the connecting process: [`Connect`].
    Connect = 1,
    /// The handshake is done: [`Open`].
    Open = 2,
    /// A state change that says something about the end: [`Transition`].
    Transition = 3,
    /// A reset went out or came in: [`Reset`].
    Reset = 4,
    /// The state of the HTTP tier, in one piece of the ring with the transition that it follows:
    /// [`crate::exchange::ExchangeRecord`], without the heads that are left out.
    Exchange = 5,
    /// A socket began to listen: [`Listen`].
    Listen = 6,
    /// An error was put on a socket that stays open: [`ErrorReport`].
    ErrorReport = 7,
    /// A socket that `iter/tcp` lists: [`Socket`] (adoption, reconciliation, the keepalive audit).
    Socket = 8,
    /// The clock reading that ends each run of `iter/tcp`: [`Clock`].
    Clock = 9,
    /// How many requests a connection has carried so far: [`Progress`].
    Progress = 10,
    /// The exchange in TLS plaintext, right after the [`Kind::Exchange`] of the same socket: [`crate::exchange::ExchangeRecord`],
    /// whose sequence numbers count plaintext bytes.
    TlsExchange = 11,
    /// A signal that ends processes was sent to one: [`Signal`].
    Signal = 12,
    /// What was said on a socket whose messages are not read: right after the transition it belongs to, or on an open
    /// connection before its first [`Progress`]: [`crate::conversation::ConversationRecord`].
    Conversation = 13,
}

impl Kind {
    #[must_use]
    pub const fn from_u8(raw: u8) -> Option<Self> {
        Some(match raw {
            1 => Self::Connect,
            2 => Self::Open,
            3 => Self::Transition,
            4 => Self::Reset,
            5 => Self::Exchange,
            6 => Self::Listen,
            7 => Self::ErrorReport,
            8 => Self::Socket,
            9 => Self::Clock,
            10 => Self::Progress,
            11 => Self::TlsExchange,
            12 => Self::Signal,
            13 => Self::Conversation,
            _ => return None,
        })
    }
}

/// What every record begins with.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Header {
    pub version: u8,
    pub kind: u8,
    /// Bytes of the whole record.
    pub size: u16,
    /// `tcp_jiffies32` at the record.
    pub jiffies: u32,
    /// CLOCK_MONOTONIC in ns.
    pub ktime_ns: u64,
    /// Socket cookie; 0 when the record has no socket.
    pub cookie: u64,
}

/// Both ends of a connection; an IPv4 address lies in the first four bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Endpoints {
    /// AF_INET (2) or AF_INET6 (10).
    pub family: u16,
    /// Local port, network order.
    pub sport_be: u16,
    /// Remote port, network order.
    pub dport_be: u16,
    pub reserved: u16,
    pub saddr: [u8; 16],
    pub daddr: [u8; 16],
}

/// The task that was running; means something only for transitions made in process context.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Task {
    /// Thread group id.
    pub tgid: u32,
    /// `task_struct.flags`.
    pub flags: u32,
    /// `task_struct.exit_code`; meaningful with PF_EXITING.
    pub exit_code: u32,
    /// 1 when the task is exiting and the out-of-memory killer had chosen its process.
    pub oom_victim: u32,
    /// Name of the process: of its first thread, not of the one that ran.
    pub comm: [u8; 16],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Connect {
    pub header: Header,
    pub task: Task,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Open {
    pub header: Header,
    pub endpoints: Endpoints,
    pub netns: u32,
    /// TCP_SYN_SENT (2) for the active end, TCP_SYN_RECV (3) for the passive one.
    pub old_state: u32,
    /// As in [`Transition`].
    pub cgroup_id: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Transition {
    pub header: Header,
    pub endpoints: Endpoints,
    /// `include/net/tcp_states.h` numbers.
    pub old_state: u8,
    pub new_state: u8,
    /// RCV_SHUTDOWN 1, SEND_SHUTDOWN 2.
    pub shutdown: u8,
    pub pingpong: u8,
    pub retransmits: u8,
    pub probes_out: u8,
    /// 1 while a `struct socket` holds the sock (not orphaned, accepted).
    pub has_socket: u8,
    /// 1 when not all that was written can leave now: bytes on their way hold it back, or the peer has no room.
    pub send_blocked: u8,
    /// `sk_flags`, low 32 bits.
    pub flags: u32,
    pub err: u32,
    /// SO_LINGER time in jiffies, truncated.
    pub linger_time: u32,
    pub snd_una: u32,
    pub snd_nxt: u32,
    pub write_seq: u32,
    pub snd_wl1: u32,
    pub rcv_nxt: u32,
    pub copied_seq: u32,
    pub lsndtime: u32,
    pub lrcvtime: u32,
    /// Smoothed round-trip time in us, times 8.
    pub srtt_us: u32,
    pub total_retrans: u32,
    /// TCP_USER_TIMEOUT in ms.
    pub user_timeout: u32,
    pub netns: u32,
    /// `rcv_nxt` as last told to the peer in an acknowledgment.
    pub rcv_wup: u32,
    /// Jiffies when the peer last acknowledged anything, new or not.
    pub rcv_tstamp: u32,
    /// Jiffies since when there has been something unsent or unacknowledged, or since when a closed window holds it up;
    /// unlike `lsndtime`, retransmissions do not move it (`tcp_chrono_start`, net/ipv4/tcp_output.c, v6.1 to v6.18).
    pub chrono_start: u32,
    pub bytes_sent: u64,
    pub bytes_retrans: u64,
    pub bytes_acked: u64,
    pub bytes_received: u64,
    /// `kernfs_node.id` of the socket's cgroup (v2): of the process that made it, for an accepted one of the process that
    /// made its listener (`cgroup_sk_alloc`, `cgroup_sk_clone`, kernel/cgroup/cgroup.c, v6.1 to v6.18). 0 where the kernel
    /// does not say.
    pub cgroup_id: u64,
    pub task: Task,
}

/// A socket that `iter/tcp` lists.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Socket {
    /// With equal states.
    pub transition: Transition,
    pub keepalive: Keepalive,
}

/// When a socket's keepalive probes go out, if [`Transition::flags`] has SO_KEEPALIVE: its own options, and the namespace's
/// settings where it has none (`keepalive_time_when` and its like, include/net/tcp.h, v6.1 to v6.18).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Keepalive {
    /// Ticks of silence before the first probe; 0 where this kernel does not say.
    pub time: u32,
    /// Ticks between probes.
    pub interval: u32,
    /// Unanswered ones after which the connection is given up.
    pub probes: u32,
    pub reserved: u32,
}

/// [`Reset::direction`].
pub const RESET_SENT: u8 = 1;
/// [`Reset::direction`].
pub const RESET_RECEIVED: u8 = 2;
/// [`Reset::reason`] on kernels whose tracepoint has none (before 6.10).
pub const NO_REASON: u32 = u32::MAX;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Reset {
    pub header: Header,
    /// Of the segment that drew the reset, source first: its sender is the peer. Zero without segment.
    pub segment: Endpoints,
    pub direction: u8,
    /// State of the socket that the kernel blames, 0 for none.
    pub state: u8,
    /// 1 when a segment drew the reset, 0 for an active one.
    pub has_segment: u8,
    pub tcp_flags: u8,
    /// `enum sk_rst_reason`, or [`NO_REASON`].
    pub reason: u32,
    pub seq: u32,
    pub ack_seq: u32,
    /// Payload bytes of the segment.
    pub payload: u32,
    pub netns: u32,
    /// The first of them, zero-padded; all zero where they were not within reach (pages of a socket on this host).
    pub first: [u8; 16],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Listen {
    pub header: Header,
    pub endpoints: Endpoints,
    pub netns: u32,
    /// 1 when it began, 0 when it ended.
    pub began: u32,
    pub task: Task,
    /// Of the socket, cgroup v2; 0 where the kernel does not say.
    pub cgroup_id: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct ErrorReport {
    pub header: Header,
    pub err: u32,
    pub state: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Clock {
    pub header: Header,
    /// All 64 bits of the kernel's jiffies.
    pub jiffies64: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Progress {
    pub header: Header,
    /// Requests begun.
    pub begun: u32,
    /// Of them, those answered in full.
    pub answered: u32,
    /// Requests that came on an idle connection.
    pub reuses: u32,
    /// Ticks from the end of the last response to the newest of those.
    pub gap: u32,
    /// [`crate::exchange::Exchange::protocol`], or [`crate::conversation::PROGRESS`].
    pub protocol: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Signal {
    pub header: Header,
    /// signal(7).
    pub signal: u32,
    /// Thread group id of the process that it was sent to.
    pub tgid: u32,
    /// cgroup v2 of that process; 0 where the kernel does not say.
    pub cgroup_id: u64,
    /// 1 when it had no effect: the process ignores it, or is the first of its process namespace and does not handle it.
    pub ignored: u32,
    pub reserved: u32,
}

/// A listening port without a listener any more, of which refused connections are counted: a key of the map `REFUSED`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FormerListener {
    pub netns: u32,
    /// Host order.
    pub port: u32,
}

impl FormerListener {
    /// So many at once.
    pub const MOST: usize = 1024;
}

const _: () = {
    assert!(size_of::<Signal>() == 48);
    assert!(size_of::<Progress>() == 48);
    assert!(size_of::<Header>() == 24);
    assert!(size_of::<Endpoints>() == 40);
    assert!(size_of::<Task>() == 32);
    assert!(size_of::<Connect>() == 56);
    assert!(size_of::<Open>() == 80);
    assert!(size_of::<Transition>() == 216);
    assert!(size_of::<Socket>() == 232);
    assert!(size_of::<Reset>() == 104);
    assert!(size_of::<Listen>() == 112);
    assert!(size_of::<ErrorReport>() == 32);
    assert!(size_of::<Clock>() == 32);
};
