//! Idle closes over TLS: handshake, session tickets and close_notify are no activity.

use std::net::SocketAddr;

use harness::{
    at,
    software::{Server, nginx, node, openssl, python, scratch},
};

use super::idle_of;
use crate::{
    agent,
    gate::require,
    peer::{HOST, free_address},
};

/// Two requests on one connection of the given version, then waits for the server's end. Prints how long the
/// connection was idle.
const CLIENT: &str = "
import http.client, select, ssl, sys, time
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
version = getattr(ssl.TLSVersion, sys.argv[2])
context.minimum_version = context.maximum_version = version
connection = http.client.HTTPSConnection(*sys.argv[1].rsplit(':', 1), context=context)
for _ in range(2):
    asked = time.monotonic()
    connection.request('GET', '/')
    connection.getresponse().read()
    answered = time.monotonic()
assert connection.sock.recv(1) == b''
closed = time.monotonic()
print(closed - answered, closed - asked)
# After its close_notify the server has yet to close.
end = select.poll()
end.register(connection.sock, select.POLLRDHUP)
end.poll()
";

/// Announces its port; closes idle connections about a second after the last response.
const NODE: &str = "
const { readFileSync } = require('fs');
const options = { key: readFileSync('key.pem'), cert: readFileSync('cert.pem') };
const server = require('https').createServer(options, (request, response) => response.end('hi'));
server.keepAliveTimeout = 1000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
";

fn assert_idle_close_is_inferred(server: SocketAddr, version: &str) {
    let agent = agent::watch(&[server]);
    let idle = idle_of(python::script(CLIENT).args([&server.to_string(), version]));
    assert!((0.9..3.0).contains(&idle.0), "the server's timer fired after {idle:?} s");
    let closes = agent.closes(2);
    for close in &closes {
        close.says("verdict=server-idle closer=server phase=idle basis=inferred confidence=probable");
        close.was_idle_between(idle);
    }
    at(&closes, "server").says("close_type=fin");
}

#[test]
fn the_keepalive_timeout_of_nginx_over_tls_is_an_idle_close_by_the_server() {
    require!("nginx", "openssl");
    let (at, directory) = (free_address(), scratch().expect("a directory"));
    openssl::certificate(directory.path(), HOST.into()).expect("a certificate");
    let http = format!(
        "keepalive_timeout 1s; ssl_certificate cert.pem; ssl_certificate_key key.pem;\n\
         ssl_protocols TLSv1.2 TLSv1.3;\nserver {{ listen {at} ssl; location / {{ return 200 hi; }} }}"
    );
    let server = nginx::start(at, directory, "", &http).expect("nginx");
    assert_idle_close_is_inferred(server.at, "TLSv1_3");
    assert_idle_close_is_inferred(server.at, "TLSv1_2");
}

#[test]
fn the_keepalive_timeout_of_node_over_tls_is_an_idle_close_by_the_server() {
    require!("node", "openssl");
    let directory = scratch().expect("a directory");
    openssl::certificate(directory.path(), HOST.into()).expect("a certificate");
    let mut command = node::script(NODE).expect("Node");
    let server = Server::announced(command.current_dir(directory.path())).expect("Node");
    assert_idle_close_is_inferred(server.at, "TLSv1_3");
    assert_idle_close_is_inferred(server.at, "TLSv1_2");
}
