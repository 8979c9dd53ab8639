//! Whom a request of the agent's own trusts, and who it says it is.

use std::{fs, path::Path, sync::Arc};

use anyhow::Context as _;
use tokio_rustls::rustls::crypto::ring;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

/// PEM files.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Files<'a> {
    /// Of the authorities that are trusted; those of the system where it is not given.
    pub(crate) authorities: Option<&'a Path>,
    /// The certificate that is shown, and its key.
    pub(crate) client: Option<(&'a Path, &'a Path)>,
}

/// For `url`; `option` is where authorities can be named.
///
/// # Errors
/// When a file cannot be read, or is not what it should be.
pub(crate) fn config(url: &str, files: Files<'_>, option: &str) -> anyhow::Result<TlsConfig> {
    // A file that is named and cannot be used is a mistake, also where nothing would ask for it.
    let none_named = files.authorities.is_none() && files.client.is_none();
    if none_named && !url.starts_with("https://") {
        return Ok(TlsConfig::builder().build());
    }
    let roots = match files.authorities {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs()
            .certs
            .iter()
            .map(|certificate| Certificate::from_der(certificate).to_owned())
            .collect(),
    };
    anyhow::ensure!(
        !roots.is_empty(),
        "this system has no certificates of authorities: install them (ca-certificates), or name a file in {option}"
    );
    let client = match files.client {
        Some((certificate, key)) => {
            Some(ClientCert::new_with_certs(&certificates(certificate)?, private_key(key)?))
        }
        None => None,
    };
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .client_cert(client)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build())
}

fn certificates(path: &Path) -> anyhow::Result<Vec<Certificate<'static>>> {
    let pem = read(path)?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.with_context(|| format!("read {}", path.display()))? {
            found.push(certificate);
        }
    }
    anyhow::ensure!(!found.is_empty(), "{} has no certificate; give a PEM file", path.display());
    Ok(found)
}

fn private_key(path: &Path) -> anyhow::Result<PrivateKey<'static>> {
    PrivateKey::from_pem(&read(path)?)
        .with_context(|| format!("{} has no private key; give a PEM file", path.display()))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}
