//! The programs that run in the kernel. They record; user space reasons.
//!
//! - [`lifecycle`]: always on, nothing per message: state changes, listeners, socket errors.
//! - [`signals`]: always on: signals that end processes.
//! - [`resets`]: always on: resets sent and received, with the segment that drew them.
//! - [`http`]: the HTTP tier, per payload segment: where messages begin and end.
//! - [`conversations`]: the same for what is neither HTTP nor TLS: who spoke, and the edges of what was said.
//! - [`openssl`]: only when asked for: what programs read and write through OpenSSL.
//! - [`socket_dump`]: `iter/tcp`, run from user space: every socket that exists.
//! - [`retry_scan`]: `iter/tcp`, run from user space: the newest requests to a server that lost one.
//!
//! # Safety
//! The verifier proves each access before the program may run, so each `unsafe` block names which rule it relies on:
//!
//! - *helper call*: the arguments are of the types that the helper takes; the verifier refuses others.
//! - *kernel member*: a pointer with a BTF type and a frozen offset from the kernel's own BTF; the load cannot fault.
//! - *context*: what the kernel passes to the program, read where its type says.
//! - *map value*: storage, an entry of a map or of the ring, checked for null; valid until the program ends.
//! - *packet*: between `data` and `data_end`, both compared before.
//! - *own memory*: on this program's stack, or a frozen constant.
#![no_std]
#![no_main]
#![expect(
    unreachable_pub,
    clippy::needless_pass_by_value,
    reason = "programs are entered by section, and the macros call them by value"
)]
#![expect(clippy::cast_ptr_alignment, reason = "members of the wire types are aligned to what is cast to")]
#![expect(
    clippy::inline_always,
    reason = "a call would be a function of its own to the verifier, checked apart"
)]

mod conversations;
mod exchange_storage;
mod fields;
mod helpers;
mod http;
mod lifecycle;
mod maps;
mod openssl;
mod record;
mod resets;
mod retry_scan;
mod signals;
mod socket_dump;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier refuses an object in which this can be reached.
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
