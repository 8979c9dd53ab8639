//! nginx with its one worker on the first processor and a 612-byte file.

use std::{fs, net::Ipv4Addr, path::Path};

use anyhow::{Context as _, Result};
use harness::{
    port,
    software::{Server, nginx, openssl, scratch},
};

const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const TOP: &str = "worker_cpu_affinity 01;";

pub(crate) fn start() -> Result<Server> {
    let (at, prefix) = (port::free(HOST)?, scratch()?);
    write_file(prefix.path())?;
    // The load comes to many addresses.
    let http = format!(
        "sendfile on; tcp_nopush on; keepalive_requests 1000000000;\n\
         server {{ listen 0.0.0.0:{} backlog=4096; root {}; }}",
        at.port(),
        prefix.path().display()
    );
    nginx::start(at, prefix, TOP, &http)
}

/// With TLS, and its own count of requests on another port.
pub(crate) fn with_tls() -> Result<(Server, std::net::SocketAddr)> {
    let (at, status, prefix) = (port::free(HOST)?, port::free(HOST)?, scratch()?);
    write_file(prefix.path())?;
    openssl::certificate(prefix.path(), HOST.into())?;
    let http = format!(
        "keepalive_requests 1000000000;\n\
         server {{ listen {status}; location /status {{ stub_status; }} }}\n\
         server {{ listen {at} ssl; root {}; ssl_certificate cert.pem; ssl_certificate_key key.pem; }}",
        prefix.path().display()
    );
    Ok((nginx::start(at, prefix, TOP, &http)?, status))
}

fn write_file(root: &Path) -> Result<()> {
    fs::write(root.join("index.html"), "x".repeat(612)).context("write a file for nginx")
}

/// The one worker's process.
pub(crate) fn worker(server: &Server) -> Result<u32> {
    let pid = server.program.id();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    children.split_whitespace().next().and_then(|pid| pid.parse().ok()).context("find nginx's worker")
}
