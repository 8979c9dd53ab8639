//! nginx with TLS, its clients, and what `--tls openssl` reads inside.

use std::{io::Write as _, net::SocketAddr, path::PathBuf, process::Command, thread};

use harness::{
    Close, at,
    software::{Server, nginx, openssl, python, scratch},
    wait,
};

use super::{idle_in, run};
use crate::{
    agent::{self, Watched},
    gate::require,
    peer::{HOST, free_address, listen, read_end, read_request},
};

/// Speaks HTTPS to the address given; the first argument says what it does. Prints what it measured.
const CLIENT: &str = "
import http.client, select, ssl, sys, time
context = ssl.create_default_context(cafile=sys.argv[3])
if len(sys.argv) > 4:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
connection = http.client.HTTPSConnection(sys.argv[2], context=context)
def get(path):
    connection.request('GET', path)
    return connection.getresponse().read()
what = sys.argv[1]
if what == 'waits':
    connection.request('GET', '/silent')
    time.sleep(0.3)
elif what == 'is-cut':
    try:
        get('/cut')
    except http.client.IncompleteRead as error:
        print(len(error.partial))
else:
    for _ in range(3):
        asked = time.monotonic()
        assert get('/') == b'hi'
    ended = time.monotonic()
    if what == 'is-left':
        connection.sock.recv(1)
        closed = time.monotonic()
        # After its close_notify the server has yet to close.
        end = select.poll()
        end.register(connection.sock, select.POLLRDHUP)
        end.poll()
    else:
        time.sleep(0.3)
        closed = time.monotonic()
    print(closed - ended, closed - asked)
connection.close()
";

/// The same through memory buffers: OpenSSL never touches the socket.
const MEMORY_CLIENT: &str = "
import asyncio, ssl, sys
async def main():
    host, port = sys.argv[1].split(':')
    context = ssl.create_default_context(cafile=sys.argv[2])
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    for _ in range(2):
        writer.write(b'GET / HTTP/1.1\\r\\nHost: a.example\\r\\n\\r\\n')
        await reader.readuntil(b'hi')
    await asyncio.sleep(0.3)
    writer.close()
asyncio.run(main())
";

/// An end after nginx's one second is seen in so many: a client that was woken later measured the machine.
const NOTICED_WITHIN: f64 = 1.1;

struct Nginx(Server);

impl Nginx {
    fn start() -> Self {
        let (at, prefix) = (free_address(), scratch().expect("a directory"));
        openssl::certificate(prefix.path(), HOST.into()).expect("a certificate");
        let cut = upstream(
            &[b"HTTP/1.0 200 OK\r\nContent-Length: 5000\r\n\r\n".as_slice(), &[b'x'; 2000]].concat(),
        );
        let silent = upstream(&[]);
        let http = format!(
            "keepalive_timeout 1s; ssl_certificate cert.pem; ssl_certificate_key key.pem;\n\
             server {{ listen {at} ssl http2;\n\
             location / {{ return 200 hi; }}\n\
             location /silent {{ proxy_pass http://{silent}; }}\n\
             location /cut {{ proxy_pass http://{cut}; }} }}"
        );
        Self(nginx::start(at, prefix, "", &http).expect("nginx"))
    }

    fn watched(&self, tls: &str) -> Watched {
        agent::watch_with(&[self.0.at], &["--tls", tls])
    }

    /// Runs the client and returns both ends' closes, and what the client measured.
    fn ask(&self, tls: &str, what: &str, version: Option<&str>) -> (Vec<Close>, String) {
        let agent = self.watched(tls);
        let mut command = python::script(CLIENT);
        command.args([what, &self.0.at.to_string()]).arg(self.certificate());
        let said = run(command.args(version));
        (agent.closes(2), said.trim().to_owned())
    }

    fn certificate(&self) -> PathBuf {
        self.0.directory().join("cert.pem")
    }
}

/// Gives every request this answer and hangs up; with none, waits for the other side to.
fn upstream(answer: &[u8]) -> SocketAddr {
    let listener = listen();
    let at = listener.local_addr().expect("address");
    let answer = answer.to_vec();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("accept");
            read_request(&mut stream);
            if answer.is_empty() {
                read_end(&mut stream);
            }
            stream.write_all(&answer).expect("answer");
        }
    });
    at
}

fn say(closes: &[Close], expected: &str) {
    for close in closes {
        close.says("basis=http confidence=exact");
        close.says(expected);
        assert!(close.evidence.iter().any(|said| said == "read inside TLS (OpenSSL)"), "{close:#?}");
    }
    at(closes, "client").is_held_by("python3");
    at(closes, "server").is_held_by("nginx");
}

#[test]
fn inside_tls_idle_closes_are_exact() {
    require!("nginx", "openssl");
    let nginx = Nginx::start();
    for version in [None, Some("1.2")] {
        for (what, verdict) in [("leaves", "client-idle"), ("is-left", "server-idle")] {
            let played = wait::until_as_scripted(|| {
                let (closes, idle) = nginx.ask("openssl", what, version);
                let idle = idle_in(&idle);
                (idle.0 < NOTICED_WITHIN).then_some((closes, idle))
            });
            let (closes, idle) = played.unwrap_or_else(|error| panic!("{what}: {error}"));
            say(&closes, &format!("verdict={verdict} phase=idle close_type=fin requests=3 in_flight=0"));
            for close in &closes {
                close.was_idle_between(idle);
            }
        }
    }
}

#[test]
fn inside_tls_a_request_in_flight_is_seen() {
    require!("nginx", "openssl");
    let nginx = Nginx::start();
    let (closes, _) = nginx.ask("openssl", "waits", None);
    say(&closes, "verdict=premature-hangup closer=client phase=waiting requests=0 in_flight=1");
}

#[test]
fn inside_tls_a_response_cut_short_is_reported_with_what_is_missing() {
    require!("nginx", "openssl");
    let nginx = Nginx::start();
    let (closes, got) = nginx.ask("openssl", "is-cut", None);
    assert_eq!(got, "2000");
    say(
        &closes,
        "verdict=premature-hangup closer=server phase=response cause=truncated requests=0 in_flight=1",
    );
    for close in &closes {
        close.proves(&["3000 bytes of the response are missing"]);
    }
}

#[test]
fn without_uprobes_tls_is_inferred() {
    require!("nginx", "openssl");
    let nginx = Nginx::start();
    let (closes, idle) = nginx.ask("none", "is-left", None);
    for close in &closes {
        close.says("basis=inferred confidence=probable verdict=server-idle");
        close.was_idle_between(idle_in(&idle));
    }
}

#[test]
fn a_client_that_does_its_own_io_for_openssl_is_inferred_and_its_server_is_exact() {
    require!("nginx", "openssl");
    let nginx = Nginx::start();
    let agent = nginx.watched("openssl");
    run(python::script(MEMORY_CLIENT).arg(nginx.0.at.to_string()).arg(nginx.certificate()));
    let closes = agent.closes(2);
    at(&closes, "client").says("basis=inferred phase=idle");
    at(&closes, "server").says("basis=http phase=idle");
    at(&closes, "server").says("requests=2");
}

#[test]
fn curl_over_http2_inside_tls_is_counted_in_streams() {
    require!("nginx", "openssl", "curl");
    let nginx = Nginx::start();
    let agent = nginx.watched("openssl");
    let url = format!("https://{}/", nginx.0.at);
    run(Command::new("curl").arg("-sS").arg("--cacert").arg(nginx.certificate()).args([&url, &url]));
    for close in agent.closes(2) {
        close.says("verdict=completed phase=idle basis=http requests=2");
    }
}
