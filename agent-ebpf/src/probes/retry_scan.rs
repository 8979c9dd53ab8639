//! `iter/tcp`: the newest requests of clients' sockets to the servers in `RETRY_QUERIES`.

use aya_ebpf::{btf_maps::HashMap, macros::btf_map};
use whohungup_ebpf::{
    event::{Endpoints, Kind},
    exchange::{ExchangeRecord, HEAD_IN, HEAD_OUT, HTTP, OUT},
    retry_query::{MAX_RETRY_QUERIES, ServerKey},
};

use crate::{
    exchange_storage,
    fields::TcpSock,
    helpers::{seq_write, socket_cookie},
    record,
    socket_dump::IterTcp,
};

/// Servers to scan for; a request counts if it started at or after these jiffies.
#[btf_map]
pub static RETRY_QUERIES: HashMap<ServerKey, u32, MAX_RETRY_QUERIES> = HashMap::new();

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/tcp")]
pub extern "C" fn scan_retries(ctx: *const IterTcp) -> i32 {
    // SAFETY: context.
    let (seq, sk) = unsafe { ((*(*ctx).meta).seq, (*ctx).sk_common) };
    if sk.is_null() {
        return 0;
    }
    let Some(tp) = TcpSock::from_sk(sk) else { return 0 };
    let mut ends = core::mem::MaybeUninit::<Endpoints>::uninit();
    let ends = ends.as_mut_ptr();
    // SAFETY: own memory; map values, checked.
    unsafe {
        tp.endpoints(ends);
        let key = ServerKey {
            address: (*ends).daddr,
            port_be: (*ends).dport_be,
            family: (*ends).family,
            netns: tp.netns(),
        };
        let Some(since) = RETRY_QUERIES.get(key) else { return 0 };
        let stored = exchange_storage::find(sk, tp);
        if stored.is_null() {
            return 0;
        }
        let exchange = &(*stored).exchange;
        let request = &exchange.streams[OUT as usize];
        let is_old = (request.started.wrapping_sub(*since) as i32) < 0;
        if exchange.protocol != HTTP || exchange.request_direction != OUT || is_old {
            return 0;
        }
        let size = size_of::<ExchangeRecord>();
        (*stored).exchange.heads = HEAD_IN | HEAD_OUT;
        record::header(&raw mut (*stored).header, Kind::Exchange, size, socket_cookie(sk));
        seq_write(seq, stored);
    }
    0
}
