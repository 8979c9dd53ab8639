//! The names of `--allowed-host`.

use std::str::FromStr;

/// Bytes of a DNS name in its textual form, RFC 1035 section 2.3.4.
pub(crate) const LONGEST_NAME: usize = 253;

/// A host name of `--allowed-host`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().trim_end_matches('.');
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_part) {
            return Err("expected a host name without scheme and port, such as node1.example".to_owned());
        }
        Ok(Self(name.to_ascii_lowercase()))
    }
}

impl HostName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
