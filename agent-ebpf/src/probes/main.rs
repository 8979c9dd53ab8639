//! The programs that run in the kernel. They record; user space reasons.
//!
//! - [`lifecycle`]: always on, nothing per message: state changes, listeners, socket errors.
//! - [`resets`]: always on: resets sent and received, with the segment that drew them.
//! - [`http`]: the HTTP tier, per payload segment: where messages begin and end.
//! - [`openssl`]: only when asked for: what programs read and write through OpenSSL.
//! - [`socket_dump`]: `iter/tcp`, run from user space: every socket that exists.
//! - [`retry_scan`]: `iter/tcp`, run from user space: the newest requests to a server that lost one.
#![no_std]
#![no_main]
#![allow(
    unreachable_pub,
    missing_debug_implementations,
    reason = "programs are entered by section, not by path"
)]

mod exchange_storage;
mod fields;
mod http;
mod lifecycle;
mod maps;
mod openssl;
mod record;
mod resets;
mod retry_scan;
mod socket_dump;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier refuses an object in which this can be reached.
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
