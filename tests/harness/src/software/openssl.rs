//! Certificates for servers that speak TLS.

use std::{net::IpAddr, path::Path, process::Command};

use anyhow::Result;

use super::installed;
use crate::run;

/// Writes `key.pem` and `cert.pem` of a certificate for this address.
pub fn certificate(directory: &Path, of: IpAddr) -> Result<()> {
    let mut command = Command::new(installed("openssl")?);
    command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]);
    command.args(["-addext", &format!("subjectAltName=IP:{of}"), "-keyout", "key.pem", "-out", "cert.pem"]);
    run(command.current_dir(directory))?;
    Ok(())
}
