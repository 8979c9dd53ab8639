//! The software of the traps.

use crate::kit::Need;

const fn apt(package: &'static str, program: &'static str) -> Need {
    Need::Apt { package, program }
}

pub(super) const NGINX: &[Need] = &[apt("nginx-light", "nginx")];
pub(super) const HAPROXY: &[Need] = &[apt("haproxy", "haproxy")];
pub(super) const APACHE: &[Need] = &[apt("apache2", "apache2")];
pub(super) const LIGHTTPD: &[Need] = &[apt("lighttpd", "lighttpd")];
pub(super) const CURL: &[Need] = &[apt("curl", "curl")];
pub(super) const WGET: &[Need] = &[apt("wget", "wget")];
pub(super) const AB: &[Need] = &[apt("apache2-utils", "ab")];
pub(super) const NMAP: &[Need] = &[apt("nmap", "nmap")];
pub(super) const NCAT: &[Need] = &[apt("ncat", "ncat")];
pub(super) const NFT: &[Need] =
    &[apt("nftables", "nft"), apt("util-linux", "unshare"), apt("iproute2", "ip")];
pub(super) const SS: &[Need] = &[apt("iproute2", "ss")];
pub(super) const OPENSSL: &[Need] = &[apt("openssl", "openssl")];
pub(super) const REDIS: &[Need] = &[apt("redis-server", "redis-server")];
pub(super) const TINYPROXY: &[Need] = &[apt("tinyproxy", "tinyproxy")];
pub(super) const CHROMIUM: &[Need] = &[apt("chromium", "chromium")];
pub(super) const ACTIVATE: &[Need] = &[apt("systemd", "systemd-socket-activate")];
pub(super) const PYTHON: &[Need] = &[apt("python3", "python3")];
pub(super) const REQUESTS: &[Need] = &[Need::Pypi("requests")];
pub(super) const HTTPX: &[Need] = &[Need::Pypi("httpx")];
pub(super) const GUNICORN: &[Need] = &[Need::Pypi("gunicorn")];
pub(super) const WEBSOCKETS: &[Need] = &[Need::Pypi("websockets")];
pub(super) use crate::software::runtimes::{GO_NEEDS as GO, NODE_NEEDS as NODE};
