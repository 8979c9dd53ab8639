//! What stands in the file.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use bcrypt::HashParts;
use serde::Deserialize;
use thiserror::Error;

/// Of the file, and of each that it names.
const LARGEST: u64 = 1 << 20;
/// Doubles with each step: at 14 a comparison takes about a second.
const MOST_COST: u32 = 14;

#[derive(Debug, Error)]
pub enum WebConfigError {
    #[error("cannot read {}: {source}; --web-config-file and what it names must be readable", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is larger than 1 MiB; name a web configuration file and PEM files", path.display())]
    Large { path: PathBuf },
    #[error("{}:{line}:{column}: {fault}; docs/web.md lists what is known", path.display())]
    Content { path: PathBuf, line: u64, column: u64, fault: String },
    #[error("{}: {fault}", path.display())]
    Pem { path: PathBuf, fault: String },
    #[error("{}: {fault}", path.display())]
    Contradiction { path: PathBuf, fault: &'static str },
    #[error("{}: it no longer asks for {what}; restart the daemon if that is meant", path.display())]
    Opened { path: PathBuf, what: &'static str },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Content {
    pub(super) tls_server_config: Option<TlsServer>,
    pub(super) basic_auth_users: Option<BTreeMap<String, PasswordHash>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsServer {
    pub(super) cert_file: PathBuf,
    pub(super) key_file: PathBuf,
    #[serde(default)]
    pub(super) client_auth_type: ClientAuth,
    pub(super) client_ca_file: Option<PathBuf>,
    #[serde(default)]
    pub(super) min_version: MinVersion,
}

/// Go's names. The two that ask for a certificate and verify nothing are left out: they prove nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum ClientAuth {
    #[default]
    NoClientCert,
    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum MinVersion {
    #[default]
    #[serde(rename = "TLS12")]
    Tls12,
    #[serde(rename = "TLS13")]
    Tls13,
}

/// By bcrypt.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PasswordHash {
    text: String,
    pub(super) cost: u32,
}

/// Without the hash.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash").field("cost", &self.cost).finish_non_exhaustive()
    }
}

impl PasswordHash {
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

impl TryFrom<String> for PasswordHash {
    type Error = String;

    /// The errors do not show it: it may be a password.
    fn try_from(text: String) -> Result<Self, String> {
        let parts: HashParts = text.parse().map_err(|_invalid| {
            "expected a bcrypt hash, as `htpasswd -nBC 10 \"\"` makes it: $2y$10$...".to_owned()
        })?;
        let cost = parts.get_cost();
        if cost > MOST_COST {
            return Err(format!("a cost of {cost} takes too long; make the hash with a cost of 10 to 12"));
        }
        Ok(Self { text, cost })
    }
}

impl Content {
    pub(super) fn read(path: &Path) -> Result<Self, WebConfigError> {
        let bytes = read(path)?;
        serde_saphyr::from_slice(&bytes).map_err(|error| {
            let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
            let said = error.without_snippet().to_string();
            // It says the place too, in its own words.
            let fault = said.split("at line").next().unwrap_or_default();
            let fault = whohungup_core::sanitize::clean(fault.trim_end_matches([' ', ',', ':']), 300);
            WebConfigError::Content { path: path.to_owned(), line, column, fault }
        })
    }
}

/// All of a file, which is no larger than it may be.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, WebConfigError> {
    let unreadable = |source| WebConfigError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(WebConfigError::Large { path: path.to_owned() });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of no password that anybody knows.
    const HASH: &str = "$2b$04$qhbXPZyXjaYEV6aFWqVxWOzOvtFvSpbgSyj6wJrYgLSmcRBUcWcCe";

    fn parsed(text: &str) -> Result<Content, String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("write it");
        let shown = file.path().display().to_string();
        Content::read(file.path()).map_err(|error| error.to_string().replace(&shown, "web.yml"))
    }

    #[test]
    fn the_exporters_file_is_read() {
        let content = parsed(&format!(
            "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  \
             client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  min_version: TLS13\n\
             basic_auth_users:\n  alice: {HASH}\n  bob: {HASH}\n"
        ))
        .expect("a configuration");
        let tls = content.tls_server_config.expect("TLS");
        assert_eq!(tls.client_auth_type, ClientAuth::RequireAndVerifyClientCert);
        assert_eq!(tls.min_version, MinVersion::Tls13);
        assert_eq!(content.basic_auth_users.expect("users")["alice"].cost, 4);
        for nothing in ["", "{}", "# a comment\n", "basic_auth_users:\n"] {
            let content = parsed(nothing).expect(nothing);
            assert!(content.tls_server_config.is_none() && content.basic_auth_users.is_none(), "{nothing}");
        }
    }

    #[test]
    fn a_fault_has_line_and_column() {
        for (text, place, part) in [
            ("tls_server_config:\n  cert_flie: a\n", "web.yml:2:3", "cert_flie"),
            ("\n\nbasic_auth_user:\n  a: b\n", "web.yml:3:1", "basic_auth_user"),
            ("basic_auth_users:\n  alice: hunter2\n", "web.yml:2:10", "htpasswd"),
            (
                "tls_server_config:\n  cert_file: a\n  key_file: b\n  min_version: TLS10\n",
                "web.yml:4:16",
                "TLS12",
            ),
            (
                "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: RequireAnyClientCert\n",
                "web.yml:4:21",
                "RequireAndVerifyClientCert",
            ),
            ("basic_auth_users:\n  a: x\n  a: y\n", "web.yml:", "a"),
            ("tls_server_config: {cert_file: a}\n", "web.yml:1:", "key_file"),
            ("basic_auth_users: [\n", "web.yml:", ""),
        ] {
            let said = parsed(text).expect_err(text);
            assert!(said.starts_with(place) && said.contains(part), "{text}: {said}");
            assert!(!said.contains("hunter2") && said.lines().count() == 1, "{said}");
        }
        let costly = HASH.replace("$04$", "$31$");
        let said = parsed(&format!("basic_auth_users:\n  alice: {costly}\n")).expect_err("too costly");
        assert!(said.contains("cost of 31") && !said.contains(&costly), "{said}");
    }
}
