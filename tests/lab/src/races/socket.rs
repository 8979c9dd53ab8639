//! What neither the standard library nor rustix offers of a TCP socket.

use std::{
    io,
    mem::MaybeUninit,
    net::TcpStream,
    os::fd::{AsFd, AsRawFd as _},
};

/// The state of a socket as its own kernel sees it.
pub(crate) fn state(stream: &TcpStream) -> io::Result<u8> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut size = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` bytes to `info`, which is as large.
    let outcome = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut size,
        )
    };
    if outcome < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: tcp_info consists of integers, for which all zeros, and whatever the kernel wrote, is a value.
    Ok(unsafe { info.assume_init() }.tcpi_state)
}

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
