//! A network namespace of the calling thread's own, with loopback and one TUN device in it.

use std::fs::{File, OpenOptions};
use std::io;
use std::mem;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::error::PlayError;

pub(super) const DEVICE: &str = "wire0";
const REMEDY: &str = "Run as root, or with CAP_SYS_ADMIN and CAP_NET_ADMIN, on a kernel with network namespaces and \
    TUN (in a container: --privileged and --device /dev/net/tun)";

/// Moves the calling thread into a new namespace and returns the device whose packets are its only way out.
pub(super) fn enter(local: Ipv4Addr, remote: Ipv4Addr) -> Result<File, PlayError> {
    // SAFETY: CLONE_NEWNET changes what the calling thread's future sockets belong to and nothing that other
    // threads or safe code rely on; descriptors stay shared (that would be CLONE_FILES).
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
        .map_err(|errno| missing("make a network namespace")(errno.into()))?;
    let device = open_device().map_err(missing("make a TUN device with /dev/net/tun"))?;
    configure(local, remote).map_err(missing("give a TUN device its address"))?;
    Ok(device)
}

fn missing(what: &'static str) -> impl FnOnce(io::Error) -> PlayError {
    move |reason| PlayError::Missing { what, remedy: REMEDY, reason }
}

fn open_device() -> io::Result<File> {
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open("/dev/net/tun")?;
    let mut request = request(DEVICE);
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    ioctl(&device, libc::TUNSETIFF, &mut request)?;
    Ok(device)
}

fn configure(local: Ipv4Addr, remote: Ipv4Addr) -> io::Result<()> {
    // Any IPv4 socket of the namespace takes these requests.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    bring_up(&socket, "lo")?;
    for (operation, address) in [
        (libc::SIOCSIFADDR, local),
        (libc::SIOCSIFDSTADDR, remote),
        (libc::SIOCSIFNETMASK, Ipv4Addr::BROADCAST),
    ] {
        let mut request = request(DEVICE);
        request.ifr_ifru.ifru_addr = socket_address(address);
        ioctl(&socket, operation, &mut request)?;
    }
    bring_up(&socket, DEVICE)
}

fn bring_up(socket: &UdpSocket, device: &str) -> io::Result<()> {
    let mut request = request(device);
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    ioctl(socket, libc::SIOCSIFFLAGS, &mut request)
}

fn request(device: &str) -> libc::ifreq {
    // SAFETY: ifreq is a C structure of integers and arrays of them, for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(device.bytes()) {
        *to = from as libc::c_char;
    }
    request
}

fn socket_address(address: Ipv4Addr) -> libc::sockaddr {
    let mut data = [0; 14];
    // Two bytes of port, then the address in network order.
    for (to, from) in data[2..6].iter_mut().zip(address.octets()) {
        *to = from as libc::c_char;
    }
    libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data: data }
}

fn ioctl(fd: impl AsFd, operation: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
    // SAFETY: every operation used here takes a pointer to an ifreq, valid for the length of the call, and the
    // descriptor is open.
    let outcome = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), operation, request) };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
