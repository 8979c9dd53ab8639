//! Idle closes over TLS: handshake, session tickets and close_notify are no activity.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
};

use tempfile::TempDir;

use super::{Server, first_line, free_address, run};
use crate::{agent::Agent, close::at, gate};

/// Two requests on one connection of the given version, then waits for the server's end. Prints how long the
/// connection was idle.
const CLIENT: &str = "
import http.client, ssl, sys, time
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
version = getattr(ssl.TLSVersion, sys.argv[2])
context.minimum_version = context.maximum_version = version
connection = http.client.HTTPSConnection(*sys.argv[1].rsplit(':', 1), context=context)
for _ in range(2):
    connection.request('GET', '/')
    connection.getresponse().read()
    answered = time.monotonic()
assert connection.sock.recv(1) == b''
print(time.monotonic() - answered)
";

/// Announces its port; closes idle connections about a second after the last response.
const NODE: &str = "
const { readFileSync } = require('fs');
const options = { key: readFileSync('key.pem'), cert: readFileSync('cert.pem') };
const server = require('https').createServer(options, (request, response) => response.end('hi'));
server.keepAliveTimeout = 1000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
";

/// A directory with `key.pem` and `cert.pem`, made for this test alone.
fn certificate() -> Option<TempDir> {
    let openssl = gate::program("openssl")?;
    let directory = tempfile::tempdir().expect("temporary directory");
    let mut command = Command::new(openssl);
    command
        .current_dir(directory.path())
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
    command.args(["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"]);
    let made = command.output().expect("run openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(directory)
}

fn nginx(prefix: &Path) -> Option<Server> {
    let program = gate::program("nginx")?;
    let at = free_address();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|of| format!("{of}_temp_path {of};\n"))
        .concat();
    let configuration = format!(
        "daemon off; user root; worker_processes 1; pid pid; error_log stderr;\n\
         events {{ worker_connections 64; }}\n\
         http {{\n\
         access_log off; keepalive_timeout 1s; ssl_certificate cert.pem; ssl_certificate_key key.pem;\n\
         ssl_protocols TLSv1.2 TLSv1.3;\n{temporary}\
         server {{ listen {at} ssl; location / {{ return 200 hi; }} }}\n\
         }}\n"
    );
    fs::write(prefix.join("nginx.conf"), configuration).expect("write");
    let mut command = Command::new(program);
    command.arg("-p").arg(prefix).args(["-e", "stderr", "-c", "nginx.conf"]);
    Some(Server::start(&mut command, at))
}

fn node(directory: &Path) -> Option<Server> {
    let node = gate::program("node")?;
    let (child, port, _output) = first_line(Command::new(node).current_dir(directory).args(["-e", NODE]));
    let port = port.parse().unwrap_or_else(|error| panic!("node says {port:?}: {error}"));
    Some(Server { child, at: (Ipv4Addr::LOCALHOST, port).into() })
}

fn assert_idle_close_is_inferred(server: SocketAddr, version: &str) {
    let Some(python) = gate::program("python3") else { return };
    let agent = Agent::watch(server);
    let address = server.to_string();
    let idle = run(Command::new(python).args(["-c", CLIENT, &address, version]));
    let idle: f64 = idle.trim().parse().unwrap_or_else(|error| panic!("the client says {idle:?}: {error}"));
    assert!((0.9..3.0).contains(&idle), "the server's timer fired after {idle} s");
    let closes = agent.closes(2);
    for close in &closes {
        close.says(&[
            ("verdict", "server-idle"),
            ("closer", "server"),
            ("phase", "idle"),
            ("basis", "inferred"),
            ("confidence", "probable"),
        ]);
        close.was_idle_for(idle);
    }
    at(&closes, "server").says(&[("how", "fin")]);
}

#[test]
fn the_keepalive_timeout_of_nginx_over_tls_is_an_idle_close_by_the_server() {
    if !gate::can_observe() {
        return;
    }
    let Some(directory) = certificate() else { return };
    let Some(server) = nginx(directory.path()) else { return };
    assert_idle_close_is_inferred(server.at, "TLSv1_3");
    assert_idle_close_is_inferred(server.at, "TLSv1_2");
}

#[test]
fn the_keepalive_timeout_of_node_over_tls_is_an_idle_close_by_the_server() {
    if !gate::can_observe() {
        return;
    }
    let Some(directory) = certificate() else { return };
    let Some(server) = node(directory.path()) else { return };
    assert_idle_close_is_inferred(server.at, "TLSv1_3");
    assert_idle_close_is_inferred(server.at, "TLSv1_2");
}
