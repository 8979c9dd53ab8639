//! What neither the standard library nor rustix offers of a TCP socket.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _},
};

/// How long a closed socket waits in FIN_WAIT2 for the peer's FIN, seconds. Up to 60 s as a time-wait socket.
pub(super) fn set_fin_timeout(socket: impl AsFd, seconds: u32) -> io::Result<()> {
    let value = seconds as libc::c_int;
    // SAFETY: the option takes a pointer to an int of the size given, valid for the length of the call.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_LINGER2,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
