//! `run --web-config-file`: who may ask, as curl, Prometheus and the agent's own commands find it.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use harness::{Daemon, Program, http};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::{
    agent::BINARY,
    gate::require,
    peer::{dial, free_address},
};

const WITHIN: Duration = Duration::from_secs(30);
/// So that a comparison takes no time that matters.
const LEAST_COST: u32 = 4;
/// As people make their hashes.
const USUAL_COST: u32 = 10;
/// More than the daemon serves at once.
const SILENT: usize = 400;

/// The files of a daemon, and of those who ask it.
struct Files {
    directory: TempDir,
    authority: Issuer<'static, KeyPair>,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        // OpenSSL takes what has its issuer's name for self-signed.
        params.distinguished_name.push(DnType::CommonName, "an authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let files = Self { directory, authority: Issuer::new(params, key) };
        files.write("ca.crt", &certificate.pem());
        files.issue("server");
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Puts a new file in the place of the old one.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path("new"), text).expect("write");
        fs::rename(self.path("new"), self.path(name)).expect("rename");
    }

    /// A certificate and its key.
    fn issue(&self, name: &str) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["127.0.0.1".to_owned(), name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.authority).expect("a certificate");
        self.write(&format!("{name}.crt"), &certificate.pem());
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }

    /// The web configuration: alice's password, and what else is asked by TLS.
    fn configure(&self, password: &str, cost: u32, tls: &str) {
        let hash = bcrypt::hash(password, cost).expect("a hash");
        self.write(
            "web.yml",
            &format!(
                "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{tls}\
                 basic_auth_users:\n  alice: {hash}\n"
            ),
        );
    }

    fn daemon(&self) -> Daemon {
        let mut command = Command::new(BINARY);
        // The exporters' spelling, which is an alias.
        command.args(["run", "--listen", "127.0.0.1:0", "--web.config.file"]).arg(self.path("web.yml"));
        Daemon::start_by(Path::new(BINARY), &mut command).expect("a daemon")
    }

    /// The status that curl gets, and what it says.
    fn curl(&self, url: &str, args: &[&str]) -> (String, String) {
        let mut command = Command::new("curl");
        command.args(["-s", "-S", "-i", "--max-time", "30", "-w", "\n%{http_code}", "--cacert"]);
        let Output { stdout, stderr, .. } =
            command.arg(self.path("ca.crt")).args(args).arg(url).output().expect("curl");
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let (said, status) = stdout.rsplit_once('\n').expect("a status");
        (status.to_owned(), [said, &*stderr].concat())
    }

    fn status(&self, url: &str, args: &[&str]) -> String {
        self.curl(url, args).0
    }

    /// A sample of the daemon's metrics.
    fn sample(&self, daemon: &Daemon, user: &str, series: &str) -> f64 {
        let (status, text) = self.curl(&daemon.url("/metrics"), &["-u", user]);
        assert_eq!(status, "200", "{text}");
        let line = text.lines().find_map(|line| line.strip_prefix(series)).expect(series);
        line.trim().parse().expect("a number")
    }
}

#[test]
fn plain_http_and_wrong_passwords_are_refused_and_the_right_one_is_answered_everywhere() {
    require!("curl");
    let files = Files::new();
    files.configure("secret", LEAST_COST, "");
    let daemon = files.daemon();
    let metrics = daemon.url("/metrics");
    assert_eq!(files.status(&metrics.replace("https", "http"), &["-u", "alice:secret"]), "000");
    for refused in [&[][..], &["-u", "alice:wrong"], &["-u", "alice:"], &["-u", "nobody:secret"]] {
        let (status, said) = files.curl(&metrics, refused);
        assert_eq!(status, "401", "{refused:?}");
        assert!(said.contains("www-authenticate: Basic realm=\"whohungup\""), "{said}");
        assert!(!said.contains("whohungup_"), "{said}");
    }
    let bearer = ["-H", "Authorization: Bearer YWxpY2U6c2VjcmV0"];
    assert_eq!(files.status(&metrics, &bearer), "401");
    for path in ["/metrics", "/", "/page/main.js", "/api/v1/live", "/api/v1/report", "/healthz", "/readyz"] {
        assert_eq!(files.status(&daemon.url(path), &[]), "401", "{path}");
        assert_eq!(files.status(&daemon.url(path), &["-u", "alice:secret"]), "200", "{path}");
        let foreign = ["-u", "alice:secret", "-H", "Host: rebound.example"];
        assert_eq!(files.status(&daemon.url(path), &foreign), "421", "{path}");
    }
    // As the kubelet's probes do: nothing was tried.
    (0..3).for_each(|_| drop(dial(daemon.address())));
    let count = |reason: &str| {
        files.sample(&daemon, "alice:secret", &format!("whohungup_web_refused_total{{reason=\"{reason}\"}}"))
    };
    assert!((count("credentials") - 12.0).abs() < 0.5, "{}", count("credentials"));
    assert!((count("handshake") - 1.0).abs() < 0.5, "{}", count("handshake"));
}

#[test]
fn a_client_certificate_is_needed_where_it_is_asked_for_and_the_own_commands_have_one() {
    require!("curl");
    let files = Files::new();
    files.issue("scraper");
    let strangers = Files::new();
    strangers.issue("scraper");
    let asks =
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  min_version: TLS13\n";
    files.configure("secret", LEAST_COST, asks);
    let daemon = files.daemon();
    let url = daemon.url("/metrics");
    let shows = |by: &Files| {
        ["-u", "alice:secret", "--cert"].map(str::to_owned).into_iter().chain([
            by.shown("scraper.crt"),
            "--key".to_owned(),
            by.shown("scraper.key"),
        ])
    };
    let with = |by: &Files, more: &[&str]| {
        let args: Vec<String> = shows(by).chain(more.iter().map(|&word| word.to_owned())).collect();
        files.status(&url, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(with(&files, &[]), "200");
    assert_eq!(with(&files, &["--tls-max", "1.2"]), "000");
    assert_eq!(with(&strangers, &[]), "000");
    assert_eq!(files.status(&url, &["-u", "alice:secret"]), "000");

    let report = |variables: &[(&str, String)]| {
        let mut command = Command::new(BINARY);
        command.args(["report", "--json", "--from", &daemon.url("")]).envs(variables.iter().cloned());
        let Output { status, stdout, stderr } = command.output().expect("report");
        let said = String::from_utf8_lossy(&stderr).into_owned();
        (status.success(), String::from_utf8_lossy(&stdout).into_owned(), said)
    };
    let ca = ("WHOHUNGUP_FROM_CA", files.shown("ca.crt"));
    let cert = ("WHOHUNGUP_FROM_CERT", files.shown("scraper.crt"));
    let key = ("WHOHUNGUP_FROM_KEY", files.shown("scraper.key"));
    let user = |password: &str| ("WHOHUNGUP_FROM_USER", format!("alice:{password}"));
    let (success, json, said) = report(&[ca.clone(), cert.clone(), key.clone(), user("secret")]);
    assert!(success && json.contains("whohungup.report/2"), "{said}");
    let (success, _, said) = report(&[ca.clone(), cert.clone(), key.clone(), user("wrong")]);
    assert!(!success && said.contains("another user or password"), "{said}");
    let (success, _, said) = report(&[ca, user("secret")]);
    assert!(!success && said.contains("no daemon answers"), "{said}");
    let (success, _, said) = report(&[cert, key, user("secret")]);
    assert!(!success && said.to_lowercase().contains("certificate"), "{said}");
}

#[test]
fn certificates_and_passwords_change_without_a_restart_and_what_is_wrong_changes_nothing() {
    require!("curl");
    let files = Files::new();
    files.configure("first", LEAST_COST, "");
    let daemon = files.daemon();
    let url = daemon.url("/healthz");
    let number = || {
        let (status, said) = files.curl(&url, &["-u", "alice:second", "-w", "%{certs}\n%{http_code}"]);
        (status, said.lines().find(|line| line.contains("erial")).map(str::to_owned))
    };
    assert_eq!(files.status(&url, &["-u", "alice:first"]), "200");
    let (_, before) = number();
    files.issue("server");
    files.configure("second", LEAST_COST, "");
    assert_eq!(files.status(&url, &["-u", "alice:first"]), "401");
    let (status, after) = number();
    assert_eq!(status, "200");
    assert!(before.is_some() && after.is_some() && before != after, "{before:?} {after:?}");

    files.write("web.yml", "basic_auth_user:\n  alice: x\n");
    assert_eq!(files.status(&url, &["-u", "alice:second"]), "200");
    assert_eq!(files.status(&url, &[]), "401");
    let stale = "whohungup_degraded{reason=\"web-config\"}";
    assert!(files.sample(&daemon, "alice:second", stale) > 0.5);
    files.configure("third", LEAST_COST, "");
    assert_eq!(files.status(&url, &["-u", "alice:third"]), "200");
    assert!(files.sample(&daemon, "alice:third", stale) < 0.5);
    daemon.signal(rustix::process::Signal::TERM).expect("stop it");
    let said = daemon.wait().and_then(harness::Ended::success).expect("a good end").stderr;
    assert!(said.contains("web.yml:1:1") && said.contains("what it said before holds"), "{said}");
}

#[test]
fn a_connection_that_stays_open_is_asked_again_for_each_request() {
    require!();
    let files = Files::new();
    let users = |password: &str| {
        let hash = bcrypt::hash(password, LEAST_COST).expect("a hash");
        files.write("web.yml", &format!("basic_auth_users:\n  alice: {hash}\n"));
    };
    users("first");
    let daemon = files.daemon();
    let mut stream = dial(daemon.address());
    let mut ask = || {
        // alice:first
        let head =
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YWxpY2U6Zmlyc3Q=\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("ask");
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    assert!(ask().starts_with("HTTP/1.1 200"));
    assert!(ask().starts_with("HTTP/1.1 200"), "remembered");
    users("second");
    assert!(ask().starts_with("HTTP/1.1 401"), "what was remembered holds no longer");
}

#[test]
fn handshakes_that_are_never_finished_keep_nobody_out_and_are_cut_off() {
    require!("curl");
    let files = Files::new();
    files.configure("secret", LEAST_COST, "");
    let daemon = files.daemon();
    let began = Instant::now();
    let silent: Vec<TcpStream> = (0..SILENT)
        .map(|turn| {
            let mut stream = dial(daemon.address());
            if turn % 2 == 0 {
                // A record of a ClientHello that is never whole.
                stream.write_all(b"\x16\x03\x01\x02\x00\x01").expect("a part");
            }
            stream
        })
        .collect();
    for _ in 0..5 {
        assert_eq!(files.status(&daemon.url("/readyz"), &["-u", "alice:secret"]), "200");
    }
    assert!(began.elapsed() < Duration::from_secs(9), "before the first is cut off");
    let newest = silent.last().expect("connections");
    let mut newest = newest.try_clone().expect("the newest");
    newest.set_read_timeout(Some(WITHIN)).expect("a timeout");
    let cut = newest.read(&mut [0; 64]);
    assert!(
        matches!(cut, Ok(0)) || cut.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
    );
    let lasted = began.elapsed();
    assert!(lasted > Duration::from_secs(9) && lasted < Duration::from_secs(20), "{lasted:?}");
}

#[test]
fn guesses_are_compared_one_at_a_time_and_do_not_hold_up_who_is_known() {
    require!("curl");
    let files = Files::new();
    files.configure("secret", USUAL_COST, "");
    let daemon = files.daemon();
    let url = daemon.url("/metrics");
    assert_eq!(files.status(&url, &["-u", "alice:secret"]), "200");
    let statuses = thread::scope(|scope| {
        let guesses: Vec<_> = (0..60)
            .map(|number| {
                let (files, url) = (&files, &url);
                scope.spawn(move || files.status(url, &["-u", &format!("alice:{number}")]))
            })
            .collect();
        for _ in 0..10 {
            assert_eq!(files.status(&url, &["-u", "alice:secret"]), "200");
        }
        guesses.into_iter().map(|guess| guess.join().expect("a guess")).collect::<Vec<_>>()
    });
    assert!(statuses.iter().all(|status| status == "401" || status == "503"), "{statuses:?}");
    let held = files.sample(&daemon, "alice:secret", "whohungup_poll_interval_max_seconds");
    assert!(held < 1.0, "the observer was held up for {held} s");
}

#[test]
fn prometheus_scrapes_it_with_its_own_tls_config_and_basic_auth() {
    require!("prometheus");
    let files = Files::new();
    files.configure("secret", LEAST_COST, "");
    let daemon = files.daemon();
    let own = free_address();
    let job = |name: &str, password: &str| {
        format!(
            "  - job_name: {name}\n    scheme: https\n    tls_config: {{ca_file: {}}}\n    \
             basic_auth: {{username: alice, password: {password}}}\n    \
             static_configs: [{{targets: ['{}']}}]\n",
            files.shown("ca.crt"),
            daemon.address(),
        )
    };
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n{}{}",
        job("right", "secret"),
        job("wrong", "guessed")
    );
    files.write("prometheus.yml", &config);
    let mut command = Command::new("prometheus");
    command.arg(format!("--config.file={}", files.shown("prometheus.yml")));
    command.arg(format!("--storage.tsdb.path={}", files.shown("data")));
    command.arg(format!("--web.listen-address={own}"));
    let mut prometheus = Program::start(&mut command, files.directory.path(), "prometheus").expect("start");
    prometheus.await_listening(own).expect("it listens");
    let up = |job: &str| {
        let query = format!("GET /api/v1/query?query=up%7Bjob%3D%22{job}%22%7D HTTP/1.1\r\nHost: localhost");
        let answer = http::ask(own, &query).ok()?;
        let (_, value) = answer.split_once("\"value\":[")?.1.split_once(",\"")?;
        value.chars().next()
    };
    let seen = harness::wait::until("both jobs", WITHIN, || Ok(up("right").zip(up("wrong"))));
    assert_eq!(seen.expect("both are scraped"), ('1', '0'));
}

#[test]
fn a_file_that_cannot_be_used_is_one_line_with_its_place_and_an_open_address_is_warned_of() {
    require!();
    let files = Files::new();
    files.write("web.yml", "tls_server_config:\n  cert_file: server.crt\n  key_fle: server.key\n");
    let run = |listen: &str| {
        let mut command = Command::new(BINARY);
        command.args(["run", "--listen", listen]);
        command
    };
    let output =
        run("127.0.0.1:0").arg("--web-config-file").arg(files.path("web.yml")).output().expect("run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.lines().count() == 1, "{said}");
    assert!(said.contains("web.yml:3:3") && said.contains("key_fle"), "{said}");

    let warned = |command: &mut Command| {
        let agent = harness::Agent::start(command).expect("the daemon starts");
        agent.notes().iter().any(|line| line.starts_with("WARNING: ") && line.contains("--web-config-file"))
    };
    assert!(warned(&mut run("0.0.0.0:0")) && !warned(&mut run("127.0.0.1:0")));
    files.configure("secret", LEAST_COST, "");
    assert!(!warned(run("0.0.0.0:0").arg("--web-config-file").arg(files.path("web.yml"))));
}
