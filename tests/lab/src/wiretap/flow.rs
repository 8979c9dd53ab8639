//! The segments of one connection.

use std::net::SocketAddr;

use crate::truth::Side;

/// One connection, as it was seen on the wire.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Flow {
    /// Who sent the first SYN.
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    /// In the order in which they were captured.
    pub(crate) segments: Vec<Segment>,
    /// The capture may have left out some.
    pub(crate) may_have_holes: bool,
}

/// Sequence numbers are as Wireshark shows them: the SYN's is 0, the first byte's 1; they do not wrap.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    /// Seconds since 1970.
    pub(crate) at: f64,
    pub(crate) by: Side,
    pub(crate) seq: u64,
    /// `None` without the ACK flag.
    pub(crate) ack: Option<u64>,
    pub(crate) payload: Vec<u8>,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    /// Bytes that its sender has room for, scaled.
    pub(crate) window: u32,
}
