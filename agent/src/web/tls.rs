//! From the file to a server of TLS.

use std::{path::Path, sync::Arc};

use tokio_rustls::rustls::{
    self, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::file::{ClientAuth, MinVersion, TlsServer, WebConfigError, read};

/// The one protocol that is spoken inside.
const ALPN: &[u8] = b"http/1.1";

/// With files that are named from `directory`.
pub(super) fn server(tls: &TlsServer, directory: &Path) -> Result<Arc<ServerConfig>, WebConfigError> {
    let (cert, key) = (directory.join(&tls.cert_file), directory.join(&tls.key_file));
    let pem = |path: &Path, fault: String| WebConfigError::Pem { path: path.to_owned(), fault };
    let chain = certificates(&cert)?;
    let private = PrivateKeyDer::from_pem_slice(&read(&key)?)
        .map_err(|error| pem(&key, format!("no private key: {error}; give a PEM file")))?;
    let verifier = verifier(tls, directory)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions(tls.min_version))
        .map_err(|error| pem(&cert, error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, private)
        .map_err(|error| pem(&cert, format!("{error}; {} must be its key", key.display())))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

static NEWEST: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];

fn versions(least: MinVersion) -> &'static [&'static SupportedProtocolVersion] {
    match least {
        MinVersion::Tls12 => rustls::ALL_VERSIONS,
        MinVersion::Tls13 => &NEWEST,
    }
}

fn verifier(tls: &TlsServer, directory: &Path) -> Result<Arc<dyn ClientCertVerifier>, WebConfigError> {
    let Some(file) = &tls.client_ca_file else { return Ok(Arc::new(NoClientAuth)) };
    let path = directory.join(file);
    let unusable = |fault: String| WebConfigError::Pem { path: path.clone(), fault };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&path)? {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    let provider = Arc::new(ring::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match tls.client_auth_type {
        ClientAuth::RequireAndVerifyClientCert => builder,
        _ => builder.allow_unauthenticated(),
    };
    builder.build().map(|verifier| verifier as Arc<_>).map_err(|error| unusable(error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, WebConfigError> {
    let unusable = |fault: String| WebConfigError::Pem { path: path.to_owned(), fault };
    let pem = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| unusable(format!("no certificate: {error}; give a PEM file")))?;
    if found.is_empty() {
        return Err(unusable("no certificate; give a PEM file".to_owned()));
    }
    Ok(found)
}
