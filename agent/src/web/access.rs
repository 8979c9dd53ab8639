//! What the file asks for, and whether it has changed: looked at on each connection and each request, as the exporters do.

use std::{
    fs, mem,
    net::IpAddr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use super::{
    counts::Counts,
    file::{ClientAuth, Content, WebConfigError},
    password::{Gate, Users},
    tls,
};

/// What is asked of whoever connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protection {
    pub tls: bool,
    pub client_certificates: bool,
    pub passwords: bool,
}

impl Protection {
    /// What can happen at this address.
    pub fn danger(self, address: IpAddr) -> Option<&'static str> {
        if address.to_canonical().is_loopback() {
            return None;
        }
        match self {
            Self { tls: true, client_certificates: true, .. } | Self { tls: true, passwords: true, .. } => {
                None
            }
            Self { passwords: true, .. } => Some(
                "passwords and answers can be read on the way; add TLS to --web-config-file (docs/web.md)",
            ),
            _ => Some(
                "whoever reaches it reads who talks to whom on this host; ask for a password or a certificate with --web-config-file (docs/web.md), or listen on 127.0.0.1",
            ),
        }
    }
}

#[derive(Debug, Default)]
pub struct Access {
    tls: Option<Arc<ServerConfig>>,
    users: Option<Arc<Users>>,
    protection: Protection,
}

impl Access {
    /// `None` where plain HTTP is spoken.
    pub fn acceptor(&self) -> Option<TlsAcceptor> {
        self.tls.clone().map(TlsAcceptor::from)
    }

    pub(super) fn users(&self) -> Option<Arc<Users>> {
        self.users.clone()
    }

    pub fn protection(&self) -> Protection {
        self.protection
    }
}

/// A file as it was when it was read; the time alone does not tell one that was put in its place.
type Stamp = Option<(u64, u64, u64, i64, i64, i64, i64)>;

fn stamp(path: &Path) -> Stamp {
    let file = fs::metadata(path).ok()?;
    Some((
        file.dev(),
        file.ino(),
        file.size(),
        file.mtime(),
        file.mtime_nsec(),
        file.ctime(),
        file.ctime_nsec(),
    ))
}

/// The file of `--web-config-file`, and what it says now.
#[derive(Debug)]
pub struct WebConfig {
    path: PathBuf,
    counts: Arc<Counts>,
    gate: Arc<Gate>,
    read: Mutex<Read>,
}

/// What was read, from where.
#[derive(Debug)]
struct Read {
    files: Vec<(PathBuf, Stamp)>,
    access: Arc<Access>,
}

impl WebConfig {
    /// # Errors
    /// When it cannot be used.
    pub fn open(path: &Path, counts: &Arc<Counts>) -> Result<Self, WebConfigError> {
        let gate = Arc::default();
        let mut files = Vec::new();
        let access = Arc::new(load(path, &gate, &mut files)?);
        let (path, counts) = (path.to_owned(), Arc::clone(counts));
        Ok(Self { path, counts, gate, read: Mutex::new(Read { files, access }) })
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What holds now. A change that cannot be used leaves what was before.
    pub fn current(&self) -> Arc<Access> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.files.iter().any(|(path, before)| stamp(path) != *before) {
            let mut files = Vec::new();
            let loaded = load(&self.path, &self.gate, &mut files)
                .and_then(|access| still_asks(&self.path, read.access.protection, access));
            match loaded {
                Ok(access) => {
                    tracing::info!(path = %self.path.display(), "the web configuration was read again");
                    read.access = Arc::new(access);
                    self.counts.set_stale(false);
                }
                Err(error) => {
                    tracing::warn!("{error}; what it said before holds");
                    // What it named before may be what is mended.
                    let mut before = mem::take(&mut read.files);
                    before.retain(|(path, _)| files.iter().all(|(one, _)| one != path));
                    files.extend(before.into_iter().map(|(path, _)| {
                        let now = stamp(&path);
                        (path, now)
                    }));
                    self.counts.set_stale(true);
                }
            }
            read.files = files;
        }
        Arc::clone(&read.access)
    }
}

/// A file that is being written may be empty for a moment: that must not open everything.
fn still_asks(path: &Path, before: Protection, access: Access) -> Result<Access, WebConfigError> {
    let now = access.protection;
    let opened = [
        (before.tls && !now.tls, "TLS"),
        (before.client_certificates && !now.client_certificates, "client certificates"),
        (before.passwords && !now.passwords, "passwords"),
    ];
    match opened.into_iter().find(|(opened, _)| *opened) {
        Some((_, what)) => Err(WebConfigError::Opened { path: path.to_owned(), what }),
        None => Ok(access),
    }
}

/// Notes each file as it was before it was read.
fn load(path: &Path, gate: &Arc<Gate>, files: &mut Vec<(PathBuf, Stamp)>) -> Result<Access, WebConfigError> {
    files.push((path.to_owned(), stamp(path)));
    let content = Content::read(path)?;
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut access = Access::default();
    if let Some(server) = &content.tls_server_config {
        for named in [&server.cert_file, &server.key_file].into_iter().chain(&server.client_ca_file) {
            let named = directory.join(named);
            files.push((named.clone(), stamp(&named)));
        }
        let asks = server.client_auth_type != ClientAuth::NoClientCert;
        let contradiction = |fault| Err(WebConfigError::Contradiction { path: path.to_owned(), fault });
        match (asks, &server.client_ca_file) {
            (true, None) => {
                return contradiction("client_auth_type verifies certificates, so client_ca_file is needed");
            }
            (false, Some(_)) => {
                return contradiction(
                    "client_ca_file is not used with NoClientCert; set client_auth_type, such as RequireAndVerifyClientCert",
                );
            }
            _ => {}
        }
        access.tls = Some(tls::server(server, directory)?);
        access.protection.tls = true;
        access.protection.client_certificates =
            server.client_auth_type == ClientAuth::RequireAndVerifyClientCert;
    }
    if let Some(hashes) = content.basic_auth_users.filter(|hashes| !hashes.is_empty()) {
        let fault = "no random numbers can be had, so passwords cannot be compared";
        let no_users = || WebConfigError::Contradiction { path: path.to_owned(), fault };
        access.users = Some(Arc::new(Users::new(hashes, gate).ok_or_else(no_users)?));
        access.protection.passwords = true;
    }
    Ok(access)
}

#[cfg(test)]
mod tests;
