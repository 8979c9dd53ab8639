//! Queries for retries: the newest requests of clients' sockets, by server.

/// A server, as its client's socket names it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct ServerKey {
    /// An IPv4 address lies in the first four bytes.
    pub address: [u8; 16],
    /// Network order.
    pub port_be: u16,
    /// AF_INET (2) or AF_INET6 (10).
    pub family: u16,
    /// Network namespace's inode number.
    pub netns: u32,
}

/// Servers queried at once.
pub const MAX_RETRY_QUERIES: usize = 128;

const _: () = assert!(size_of::<ServerKey>() == 24);
