//! Community ID v1: one name for a connection that Zeek, Suricata and others give too, made of its addresses and ports
//! (<https://github.com/corelight/community-id-spec>).

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha1::{Digest as _, Sha1};

use crate::{identity::Ends, text::serde_as_text};

/// IANA's number of TCP.
const TCP: u8 = 6;
/// Those who want other ids than everybody else choose another.
const SEED: u16 = 0;
const VERSION: &str = "1:";

/// The same at both ends, unless something between them translates addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommunityId([u8; 20]);

impl CommunityId {
    /// `None` where a port is not known.
    pub fn of(ends: &Ends) -> Option<Self> {
        let Ends { local, remote } = *ends;
        (local.port() != 0 && remote.port() != 0).then(|| Self::with_seed(local, remote, SEED))
    }

    fn with_seed(one: SocketAddr, other: SocketAddr, seed: u16) -> Self {
        // The standard library orders addresses of one family, and then ports, as the specification does.
        let (lower, upper) = if one < other { (one, other) } else { (other, one) };
        let mut hash = Sha1::new_with_prefix(seed.to_be_bytes());
        for end in [lower, upper] {
            match end.ip() {
                IpAddr::V4(address) => hash.update(address.octets()),
                IpAddr::V6(address) => hash.update(address.octets()),
            }
        }
        hash.update([TCP, 0]);
        hash.update(lower.port().to_be_bytes());
        hash.update(upper.port().to_be_bytes());
        Self(hash.finalize().into())
    }
}

impl fmt::Display for CommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}{}", base64::display::Base64Display::new(&self.0, &BASE64_STANDARD))
    }
}

impl FromStr for CommunityId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digest = text.strip_prefix(VERSION).and_then(|digest| BASE64_STANDARD.decode(digest).ok());
        let digest = digest.and_then(|digest| digest.try_into().ok());
        digest.map(Self).ok_or_else(|| format!("`{text}` is no Community ID: `1:` and 20 bytes in base64"))
    }
}

serde_as_text!(CommunityId);

#[cfg(test)]
mod tests;
