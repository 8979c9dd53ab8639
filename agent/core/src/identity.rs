//! What tells one connection or process from another: addresses and names.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    ops::Deref,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use whohungup_ebpf::event::{Endpoints, Task};

use crate::{labels::Role, sanitize::is_safe};

/// Both ends, as this end sees them. IPv4 connections on an IPv6 socket are shown as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ends {
    pub local: SocketAddr,
    pub remote: SocketAddr,
}

impl Ends {
    pub fn new(endpoints: &Endpoints) -> Self {
        let port = u16::from_be;
        Self {
            local: SocketAddr::new(address(endpoints.family, &endpoints.saddr), port(endpoints.sport_be)),
            remote: SocketAddr::new(address(endpoints.family, &endpoints.daddr), port(endpoints.dport_be)),
        }
    }

    /// The same connection seen from its other end.
    #[must_use]
    pub fn turned(self) -> Self {
        Self { local: self.remote, remote: self.local }
    }

    /// The port of the server's end; `None` where nobody knows which that is.
    pub fn server_port(&self, role: Role) -> Option<u16> {
        match role {
            Role::Server => Some(self.local.port()),
            Role::Client => Some(self.remote.port()),
            Role::Unknown => None,
        }
    }
}

fn address(family: u16, bytes: &[u8; 16]) -> IpAddr {
    const AF_INET6: u16 = 10;
    if family == AF_INET6 {
        return Ipv6Addr::from(*bytes).to_canonical();
    }
    IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]))
}

/// A process, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// `None` when only the listener's owner is known: a worker may have accepted.
    pub pid: Option<u32>,
    pub comm: Comm,
}

impl Process {
    pub fn from_task(task: &Task) -> Option<Self> {
        (task.tgid != 0).then_some(Self { pid: Some(task.tgid), comm: Comm::new(task.comm) })
    }
}

/// A signal by its number, and for people by its name (signal(7), on x86 and ARM).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(pub u32);

impl Signal {
    pub const INT: Self = Self(2);
    pub const QUIT: Self = Self(3);
    pub const KILL: Self = Self(9);
    pub const TERM: Self = Self(15);

    /// Those that the probes report.
    const NAMES: [(u32, &'static str); 7] = [
        (1, "SIGHUP"),
        (2, "SIGINT"),
        (3, "SIGQUIT"),
        (9, "SIGKILL"),
        (10, "SIGUSR1"),
        (15, "SIGTERM"),
        (28, "SIGWINCH"),
    ];

    /// It asks a process to end, whatever that is.
    pub const fn asks_to_end(self) -> bool {
        matches!(self, Self::INT | Self::QUIT | Self::TERM)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl Serialize for Signal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let named = Self::NAMES.iter().find(|(_, name)| *name == text).map(|(number, _)| *number);
        let number = named.or_else(|| text.strip_prefix("signal ")?.parse().ok());
        let unknown = || serde::de::Error::custom(format_args!("`{text}` is no signal"));
        number.map(Self).ok_or_else(unknown)
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitStatus {
    /// By itself, with this status.
    Status(u32),
    /// Of this signal.
    Signal(u32),
}

impl ExitStatus {
    /// From what wait(2) says.
    pub(crate) fn of(end: u32) -> Self {
        match end & 0x7f {
            0 => Self::Status(end >> 8),
            signal => Self::Signal(signal),
        }
    }
}

/// The name of a process (`comm` of its group leader, at most 15 bytes), which any user can choose: made fit for
/// terminals, tickets and labels here, once, where bytes become text. Each byte of what is no text, moves a cursor,
/// turns the writing direction or cannot be seen is `?`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Comm([u8; 16]);

impl Comm {
    /// What lies behind the first NUL is not part of the name.
    pub fn new(raw: [u8; 16]) -> Self {
        let mut name = raw;
        let len = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        name[len..].fill(0);
        if name[..len].iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return Self(name);
        }
        let mut at = 0;
        for chunk in raw[..len].utf8_chunks() {
            for letter in chunk.valid().chars() {
                if !is_safe(letter) {
                    name[at..at + letter.len_utf8()].fill(b'?');
                }
                at += letter.len_utf8();
            }
            name[at..at + chunk.invalid().len()].fill(b'?');
            at += chunk.invalid().len();
        }
        Self(name)
    }

    /// From text, cut to 16 bytes.
    pub fn from_text(text: &str) -> Self {
        let mut raw = [0; 16];
        let kept = &text.as_bytes()[..text.floor_char_boundary(raw.len())];
        raw[..kept.len()].copy_from_slice(kept);
        Self::new(raw)
    }

    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }
}

impl Deref for Comm {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<&str> for Comm {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl Serialize for Comm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Comm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_text(&std::borrow::Cow::<'de, str>::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(name: &[u8]) -> [u8; 16] {
        let mut comm = [0; 16];
        comm[..name.len()].copy_from_slice(name);
        comm
    }

    #[test]
    fn escape_sequences_and_broken_text_do_not_get_through() {
        assert_eq!(Comm::new(raw(b"\x1b[31mEVIL\x1b[2J")).as_str(), "?[31mEVIL?[2J");
        assert_eq!(Comm::new(raw("a\u{202e}b".as_bytes())).as_str(), "a???b");
        assert_eq!(Comm::new(raw(b"a\xffb")).as_str(), "a?b");
        assert_eq!(Comm::new(raw("café".as_bytes())).as_str(), "café");
        assert_eq!(Comm::new(raw(b"a\0b")).as_str(), "a");
        assert_eq!(Comm::from_text("\x1b]0;title\x07 and more").as_str(), "?]0;title? and m");
        for bytes in [[0xff; 16], [0xe2; 16], *b"0123456789abcdef"] {
            assert_eq!(Comm::new(bytes).as_str().len(), 16);
        }
    }

    #[test]
    fn signals_are_named_and_come_back_from_their_names() {
        for (number, name) in [(15, "\"SIGTERM\""), (28, "\"SIGWINCH\""), (44, "\"signal 44\"")] {
            let text = serde_json::to_string(&Signal(number)).expect("JSON");
            assert_eq!(text, name);
            assert_eq!(serde_json::from_str::<Signal>(&text).expect("a signal"), Signal(number));
        }
        assert!(serde_json::from_str::<Signal>("\"SIGNOTHING\"").is_err());
    }

    #[test]
    fn mapped_ipv4_is_shown_as_ipv4() {
        let mut saddr = [0; 16];
        saddr[10..].copy_from_slice(&[0xff, 0xff, 127, 0, 0, 1]);
        let endpoints = Endpoints {
            family: 10,
            sport_be: 80_u16.to_be(),
            dport_be: 0,
            reserved: 0,
            saddr,
            daddr: [0; 16],
        };
        assert_eq!(Ends::new(&endpoints).local.to_string(), "127.0.0.1:80");
    }
}
