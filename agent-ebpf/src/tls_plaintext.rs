//! State of the probes on OpenSSL, which read TLS plaintext, and the cookies with which the agent attaches them.

/// The attachment's cookie (`bpf_get_attach_cookie`): what is being called.
pub mod call {
    /// SSL_do_handshake, which SSL_connect and SSL_accept end in.
    pub const HANDSHAKE: u64 = 1;
    pub const READ: u64 = 2;
    pub const WRITE: u64 = 3;
    /// A variant that returns 1 and puts the length where its fourth argument points.
    pub const READ_EX: u64 = 4;
    pub const WRITE_EX: u64 = 5;
    /// SSL_free, or SSL_clear: the address stands for another session from now on.
    pub const FREE: u64 = 6;
    /// Sends what the probes do not see.
    pub const UNSEEN: u64 = 7;
}

/// A call into OpenSSL that has not returned.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub ssl: u64,
    pub buffer: u64,
    /// Where the `_ex` variants put the length.
    pub length_at: u64,
    /// The stack pointer on entry.
    pub stack: u64,
    /// [`call`].
    pub kind: u64,
}

/// An `SSL` object of a process.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SslObject {
    pub ssl: u64,
    pub tgid: u32,
    pub reserved: u32,
}

/// A TLS session and its socket.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsSession {
    /// Socket cookie.
    pub cookie: u64,
    /// [`TRACKED`], [`FREED`] or [`EXCLUDED`].
    pub state: u64,
}

/// [`TlsSession::state`]: what the session carries is read.
pub const TRACKED: u64 = 0;
/// [`TlsSession::state`]: the session is over, and its address may stand for another soon.
pub const FREED: u64 = 1;
/// [`TlsSession::state`]: what the session carries is not, or not in full, what the socket does.
pub const EXCLUDED: u64 = 2;

/// A read from the socket counts as OpenSSL's own only this close below the stack of its caller: a coroutine
/// that OpenSSL's I/O callback switches to runs elsewhere.
pub const MAX_STACK_DISTANCE: u64 = 64 << 10;

const _: () = {
    assert!(size_of::<Call>() == 40);
    assert!(size_of::<SslObject>() == 16);
    assert!(size_of::<TlsSession>() == 16);
};
