//! The wire format between the kernel half and the user half of whohungup.
//!
//! Every type here is `repr(C)`, has no implicit padding and a size that both sides assert, so that
//! a record means the same in the probe that wrote it and in the agent that decodes it. The probes
//! themselves are the crate's binary (`src/probes/`).
#![no_std]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

pub mod conversation;
pub mod counters;
pub mod coverage;
pub mod event;
pub mod exchange;
pub mod framing;
pub mod offsets;
pub mod retry_query;
pub mod tls_plaintext;
pub mod tls_records;
pub mod websocket;

#[cfg(feature = "user")]
pub mod decode;

/// Raised whenever a type of this crate changes its layout or meaning; every record carries it.
pub const WIRE_VERSION: u8 = 10;

/// Stands for a kernel structure member that this kernel does not have.
pub const ABSENT: u32 = u32::MAX;
