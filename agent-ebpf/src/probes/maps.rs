//! Maps and load-time constants.

use aya_ebpf::{
    Global,
    btf_maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf, SkStorage},
    macros::btf_map,
};
use whohungup_ebpf::{
    conversation::ConversationRecord,
    counters::Counter,
    coverage::{ALL_FOLLOWED, MODE_ROW, PORTS_EACH, ROWS, bucket, place},
    event::FormerListener,
    exchange::{ExchangeRecord, Handover},
    framing::Start,
    offsets::Offsets,
    tls_plaintext::{Call, SslObject, TlsSession},
};

/// Where this kernel keeps what; frozen by the loader.
#[unsafe(no_mangle)]
pub static OFFSETS: Global<Offsets> = Global::new(EMPTY_OFFSETS);

/// 1 when `tcp_send_reset` has its third argument (v6.10 on, include/trace/events/tcp.h).
#[unsafe(no_mangle)]
pub static RESET_HAS_REASON: Global<u32> = Global::new(0);

/// 1 when `bpf_probe_read_kernel` may be called: `lockdown=confidentiality` refuses every program that does. What is
/// behind the comparison is not looked at by the verifier then.
#[unsafe(no_mangle)]
pub static MAY_READ_KERNEL: Global<u32> = Global::new(1);

/// 1 when the probes on OpenSSL read TLS plaintext.
#[unsafe(no_mangle)]
pub static TLS_PLAINTEXT_ENABLED: Global<u32> = Global::new(0);

/// Bytes of the ring before the loader resizes it.
const RING_BYTES: usize = 16 << 20;

#[btf_map]
pub static EVENTS: RingBuf<u8, RING_BYTES> = RingBuf::new();

#[btf_map]
pub static COUNTERS: PerCpuArray<u64, { Counter::COUNT }> = PerCpuArray::new();

/// One record per socket that speaks HTTP or TLS, laid out as it goes on the ring.
#[btf_map]
pub static EXCHANGES: SkStorage<ExchangeRecord> = SkStorage::new();

/// One record per socket that speaks something else, laid out as it goes on the ring.
#[btf_map]
pub static CONVERSATIONS: SkStorage<ConversationRecord> = SkStorage::new();

/// When a process was last reported to have got a signal, by both: a flood of signals is no flood of records.
#[btf_map]
pub static SIGNALLED: LruHashMap<u64, u64, 1024> = LruHashMap::new();

/// Connections refused since a listener ended; user space adds and removes the listeners.
#[btf_map]
pub static REFUSED: HashMap<FormerListener, u64, { FormerListener::MOST }> = HashMap::new();

/// What came with the handshake, for the socket that it makes.
#[btf_map]
pub static HANDOVER: PerCpuArray<Handover, 1> = PerCpuArray::new();

/// How many of the 256 buckets of each port's connections are not read; user space writes it.
#[btf_map]
pub static LEFT_OUT: Array<[u8; PORTS_EACH], ROWS> = Array::new();

/// What storage begins with, by the first message and its direction.
#[btf_map]
pub static STARTS: Array<ExchangeRecord, { Start::COUNT * 2 }> = Array::new();

/// The call into OpenSSL that each thread (`bpf_get_current_pid_tgid`) is in; the loader sizes it and the next two.
#[btf_map]
pub static OPENSSL_CALLS: HashMap<u64, Call, 1> = HashMap::new();

/// The TLS session of each `SSL` object, with its socket.
#[btf_map]
pub static TLS_SESSIONS: LruHashMap<SslObject, TlsSession, 1> = LruHashMap::new();

/// Exchanges in TLS plaintext, by socket cookie; laid out as it goes on the ring.
#[btf_map]
pub static TLS_EXCHANGES: LruHashMap<u64, ExchangeRecord, 1> = LruHashMap::new();

/// Zeros to begin an entry of [`TLS_EXCHANGES`] with: it is too big for the stack.
#[btf_map]
pub static ZERO_EXCHANGE: Array<ExchangeRecord, 1> = Array::new();

// SAFETY: own memory; zero is a value of each of its members, which are u32.
const EMPTY_OFFSETS: Offsets = unsafe { core::mem::zeroed() };

/// Adds one to `counter` on this CPU.
#[inline(always)]
pub fn count(counter: Counter) {
    if let Some(value) = COUNTERS.get_ptr_mut(counter as u32) {
        // SAFETY: map value.
        unsafe { *value += 1 }
    }
}

/// Whether the messages of a connection are not to be read; `ports` are as in a TCP header, in the host's order.
#[inline(always)]
pub fn is_left_out(ports: u32) -> bool {
    let Some(mode) = LEFT_OUT.get(MODE_ROW) else { return false };
    // It changes under way.
    // SAFETY: map value.
    if unsafe { (&raw const mode[0]).read_volatile() } == ALL_FOLLOWED {
        return false;
    }
    let (one, other) = (ports >> 16, ports & 0xffff);
    let bucket = bucket(one, other);
    bucket < left_out_of(one) || bucket < left_out_of(other)
}

#[inline(always)]
fn left_out_of(port: u32) -> u8 {
    let (row, place) = place(port);
    LEFT_OUT.get(row).map_or(0, |row| row[place & (PORTS_EACH - 1)])
}
