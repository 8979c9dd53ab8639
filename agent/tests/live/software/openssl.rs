//! nginx with TLS, its clients, and what `--tls openssl` reads inside.

use std::{
    fs,
    io::Write as _,
    net::{SocketAddr, TcpListener},
    process::{Command, Stdio},
    thread,
};

use tempfile::TempDir;

use super::{Server, free_address, run};
use crate::{
    agent::Agent,
    close::{Close, at},
    gate,
    peer::{ANYWHERE, read_end, read_request},
};

/// The system's own: others on PATH may have OpenSSL built in.
const PYTHON: &str = "/usr/bin/python3";

/// Speaks HTTPS to the address given; the first argument says what it does. Prints what it measured.
const CLIENT: &str = "
import http.client, ssl, sys, time
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
        assert get('/') == b'hi'
    ended = time.monotonic()
    if what == 'is-left':
        connection.sock.recv(1)
    else:
        time.sleep(0.3)
    print(time.monotonic() - ended)
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

struct Nginx {
    server: Server,
    prefix: TempDir,
}

impl Nginx {
    /// `None` when something that it takes is not installed.
    fn start() -> Option<Self> {
        let (program, openssl) = (gate::program("nginx")?, gate::program("openssl")?);
        let prefix = tempfile::tempdir().expect("temporary directory");
        let at = free_address();
        let made = Command::new(openssl)
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", &format!("subjectAltName=IP:{}", at.ip())])
            .args(["-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(prefix.path())
            .stderr(Stdio::null())
            .status()
            .expect("run openssl");
        assert!(made.success(), "openssl: {made}");
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|of| format!("{of}_temp_path {of};\n"))
            .concat();
        let cut = upstream(
            &[b"HTTP/1.0 200 OK\r\nContent-Length: 5000\r\n\r\n".as_slice(), &[b'x'; 2000]].concat(),
        );
        let silent = upstream(&[]);
        let configuration = format!(
            "daemon off; user root; worker_processes 1; pid pid; error_log stderr crit;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n\
             access_log off; keepalive_timeout 1s;\n{temporary}\
             ssl_certificate cert.pem; ssl_certificate_key key.pem;\n\
             server {{ listen {at} ssl http2;\n\
             location / {{ return 200 hi; }}\n\
             location /silent {{ proxy_pass http://{silent}; }}\n\
             location /cut {{ proxy_pass http://{cut}; }} }}\n\
             }}\n"
        );
        fs::write(prefix.path().join("nginx.conf"), configuration).expect("write");
        let mut command = Command::new(program);
        command.arg("-p").arg(prefix.path()).args(["-e", "stderr", "-c", "nginx.conf"]);
        Some(Self { server: Server::start(&mut command, at), prefix })
    }

    fn watched(&self, tls: &str) -> Agent {
        Agent::watch_with(self.server.at, &["--tls", tls])
    }

    /// Runs the client and returns both ends' closes, and what the client measured.
    fn ask(&self, tls: &str, what: &str, version: Option<&str>) -> (Vec<Close>, String) {
        let agent = self.watched(tls);
        let mut command = Command::new(PYTHON);
        command.args(["-c", CLIENT, what, &self.server.at.to_string()]).arg(self.certificate());
        let said = run(command.args(version));
        (agent.closes(2), said.trim().to_owned())
    }

    fn certificate(&self) -> std::path::PathBuf {
        self.prefix.path().join("cert.pem")
    }
}

/// Gives every request this answer and hangs up; with none, waits for the other side to.
fn upstream(answer: &[u8]) -> SocketAddr {
    let listener = TcpListener::bind(ANYWHERE).expect("bind");
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

fn say(closes: &[Close], expected: &[(&str, &str)], requests: u32, in_flight: u32) {
    for close in closes {
        close.says(&[("basis", "http"), ("confidence", "exact")]);
        close.says(expected);
        let counted = (close.value("/requests"), close.value("/in_flight"));
        assert_eq!(counted, (&requests.into(), &in_flight.into()), "{close:#?}");
        let evidence = close.value("/evidence").as_array().expect("a list");
        assert!(evidence.iter().any(|said| said == "read inside TLS (OpenSSL)"), "{close:#?}");
    }
    at(closes, "client").is_held_by("python3");
    at(closes, "server").is_held_by("nginx");
}

#[test]
fn inside_tls_idle_closes_are_exact() {
    if !gate::can_observe() {
        return;
    }
    let Some(nginx) = Nginx::start() else { return };
    for version in [None, Some("1.2")] {
        for (what, verdict) in [("leaves", "client-idle"), ("is-left", "server-idle")] {
            let (closes, idle) = nginx.ask("openssl", what, version);
            say(&closes, &[("verdict", verdict), ("phase", "idle"), ("how", "fin")], 3, 0);
            for close in &closes {
                close.was_idle_for(idle.parse().expect("seconds"));
            }
        }
    }
}

#[test]
fn inside_tls_a_request_in_flight_is_seen() {
    if !gate::can_observe() {
        return;
    }
    let Some(nginx) = Nginx::start() else { return };
    let (closes, _) = nginx.ask("openssl", "waits", None);
    say(&closes, &[("verdict", "premature-hangup"), ("closer", "client"), ("phase", "waiting")], 0, 1);
}

#[test]
fn inside_tls_a_response_cut_short_is_told_with_what_is_missing() {
    if !gate::can_observe() {
        return;
    }
    let Some(nginx) = Nginx::start() else { return };
    let (closes, got) = nginx.ask("openssl", "is-cut", None);
    assert_eq!(got, "2000");
    let expected = [
        ("verdict", "premature-hangup"),
        ("closer", "server"),
        ("phase", "response"),
        ("cause", "truncated"),
    ];
    say(&closes, &expected, 0, 1);
    for close in &closes {
        let evidence = close.value("/evidence").to_string();
        assert!(evidence.contains("3000 bytes of the response are missing"), "{evidence}");
    }
}

#[test]
fn without_uprobes_tls_is_inferred() {
    if !gate::can_observe() {
        return;
    }
    let Some(nginx) = Nginx::start() else { return };
    let (closes, idle) = nginx.ask("none", "is-left", None);
    for close in &closes {
        close.says(&[("basis", "inferred"), ("confidence", "probable"), ("verdict", "server-idle")]);
        close.was_idle_for(idle.parse().expect("seconds"));
    }
}

#[test]
fn a_client_that_does_its_own_io_for_openssl_is_inferred_and_its_server_is_exact() {
    if !gate::can_observe() {
        return;
    }
    let Some(nginx) = Nginx::start() else { return };
    let agent = nginx.watched("openssl");
    let mut command = Command::new(PYTHON);
    run(command.args(["-c", MEMORY_CLIENT, &nginx.server.at.to_string()]).arg(nginx.certificate()));
    let closes = agent.closes(2);
    at(&closes, "client").says(&[("basis", "inferred"), ("phase", "idle")]);
    at(&closes, "server").says(&[("basis", "http"), ("phase", "idle")]);
    assert_eq!(at(&closes, "server").value("/requests"), 2);
}

#[test]
fn curl_over_http2_inside_tls_is_counted_in_streams() {
    if !gate::can_observe() {
        return;
    }
    let (Some(curl), Some(nginx)) = (gate::program("curl"), Nginx::start()) else { return };
    let agent = nginx.watched("openssl");
    let url = format!("https://{}/", nginx.server.at);
    let certificate = nginx.certificate();
    run(Command::new(curl).arg("-sS").arg("--cacert").arg(certificate).args([&url, &url]));
    for close in agent.closes(2) {
        close.says(&[("verdict", "completed"), ("phase", "idle"), ("basis", "http")]);
        assert_eq!(close.value("/requests"), 2, "{close:#?}");
    }
}
