//! Which products a timer can be, and which settings.

use super::super::{candidates::Match, *};
use crate::{
    endpoint::Timer,
    labels::{Clock, Phase, Protocol, Side},
    program::Program,
};

fn timer(side: Side, phase: Phase, clock: Clock, seconds: f64) -> Timer {
    Timer {
        side,
        phase,
        clock,
        seconds,
        least: seconds - 0.002,
        most: seconds + 0.002,
        count: 20,
        share: 1.0,
        bins: Vec::new(),
    }
}

fn idle(side: Side, seconds: f64) -> Timer {
    timer(side, Phase::Idle, Clock::Idle, seconds)
}

fn program(executable: &str, runtime: &str, words: &[&str]) -> Program {
    Program {
        executable: Some(executable.to_owned()),
        runtime: (!runtime.is_empty()).then(|| runtime.to_owned()),
        words: words.iter().map(|&word| word.to_owned()).collect(),
        depends: Vec::new(),
    }
}

fn of(program: &Program) -> Observed<'_> {
    Observed { program: Some(program), own: true, ..Observed::default() }
}

fn candidates(timer: &Timer, seen: &Observed<'_>) -> Vec<Match<'static>> {
    Products::builtin().defaults_matching(timer, seen)
}

fn names<'a>(matches: &[Match<'a>], likelihood: Likelihood) -> Vec<&'a str> {
    matches.iter().filter(|it| it.likelihood == likelihood).map(|it| it.product.name.as_str()).collect()
}

#[test]
fn a_time_alone_names_nobody() {
    for (side, seconds) in
        [(Side::Server, 5.0), (Side::Server, 60.0), (Side::Client, 90.1), (Side::Server, 75.0)]
    {
        for own in [false, true] {
            let found = candidates(&idle(side, seconds), &Observed { own, ..Observed::default() });
            assert!(!found.is_empty() && found.len() <= 8, "{seconds}: {found:?}");
            assert!(found.iter().all(|it| it.likelihood == Likelihood::Possible), "{seconds}: {found:?}");
        }
    }
}

#[test]
fn the_process_names_the_product_and_shuts_out_others() {
    let nginx = program("nginx", "", &[]);
    let found = candidates(&idle(Side::Server, 74.994), &of(&nginx));
    assert_eq!(names(&found, Likelihood::Named), ["nginx"]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].row.setting.value_in(65.0), "keepalive_timeout 65s;");
    // Its upstream pool has a setting of its own.
    let found = candidates(&idle(Side::Client, 60.05), &of(&nginx));
    assert_eq!(found[0].row.setting.name, "keepalive_timeout (upstream)");
    // Node's time, but nginx's process.
    assert_eq!(candidates(&idle(Side::Server, 5.0), &of(&nginx)), []);
}

#[test]
fn node_says_five_and_closes_after_six() {
    let node = program("node", "node", &[]);
    let seen = Observed { announced: Some(5), ..of(&node) };
    let found = candidates(&idle(Side::Server, 5.99), &seen);
    assert_eq!((found[0].product.name.as_str(), found[0].likelihood), ("Node.js", Likelihood::Named));
    assert!(found[0].row.versions.contains("20.18.0"), "{}", found[0].row.versions);
    assert_eq!(found[0].row.setting.value_in(65.0), "server.keepAliveTimeout = 65000");
    assert!(found[0].reasons.iter().any(|it| it.contains("the process is node")), "{:?}", found[0].reasons);
    assert!(
        found[0].reasons.iter().any(|it| it.contains("timeout=5") && it.contains("1.0 s later")),
        "{:?}",
        found[0].reasons
    );
    // Before.
    let found = candidates(&idle(Side::Server, 5.004), &seen);
    assert!(found[0].row.versions.contains("20.17"), "{}", found[0].row.versions);
    // A peer that says so is likely Node, and nobody who announces nothing.
    let found =
        candidates(&idle(Side::Server, 5.99), &Observed { announced: Some(5), ..Observed::default() });
    assert_eq!(found[0].likelihood, Likelihood::Likely);
    assert!(names(&found, Likelihood::Likely).contains(&"Node.js"), "{found:?}");
    assert_eq!(names(&found, Likelihood::Possible), <[&str; 0]>::default());
}

#[test]
fn five_seconds_are_distinguished_by_what_runs() {
    let five = idle(Side::Server, 4.98);
    let first = |seen: &Observed<'_>| {
        candidates(&five, seen).into_iter().next().map(|it| (it.product.name.clone(), it.likelihood))
    };
    let named = |product: &str| Some((product.to_owned(), Likelihood::Named));
    assert_eq!(first(&of(&program("python3.11", "python", &["uvicorn"]))), named("uvicorn"));
    assert_eq!(first(&of(&program("python3.11", "python", &["hypercorn"]))), named("hypercorn"));
    assert_eq!(first(&of(&program("apache2", "", &[]))), named("Apache httpd"));
    assert_eq!(first(&of(&program("varnishd", "", &[]))), named("Varnish"));
    // Only its header tells.
    let python = program("python3.11", "python", &[]);
    assert_eq!(first(&Observed { server: Some("uvicorn"), ..of(&python) }), named("uvicorn"));
    let possible = candidates(&five, &of(&python));
    assert_eq!(names(&possible, Likelihood::Possible).len(), possible.len());
    assert!(
        possible.iter().all(|it| ["uvicorn", "hypercorn"].contains(&it.product.name.as_str())),
        "{possible:?}"
    );
    // A word of another product.
    let waitress = program("python3.11", "python", &["waitress"]);
    assert_eq!(candidates(&five, &of(&waitress)), []);
}

#[test]
fn workers_of_gunicorn_keep_what_gunicorn_says() {
    let both = program("python3.11", "python", &["gunicorn", "uvicorn"]);
    let found = candidates(&idle(Side::Server, 2.005), &of(&both));
    assert_eq!((found.len(), found[0].product.name.as_str()), (1, "gunicorn"));
    let settings = Products::builtin().settings_for(&idle(Side::Server, 7.0), &of(&both));
    assert_eq!(settings.len(), 1, "{settings:?}");
    assert_eq!(settings[0].row.setting.value_in(7.0), "--keep-alive 7");
}

#[test]
fn libraries_beside_a_server_do_not_hide_it() {
    // uvicorn, whose application fetches with aiohttp, which could serve as well.
    let both = program("python3.11", "python", &["uvicorn", "aiohttp"]);
    let settings = Products::builtin().settings_for(&idle(Side::Server, 7.0), &of(&both));
    assert_eq!(names(&settings, Likelihood::Named), ["uvicorn"]);
    assert!(names(&settings, Likelihood::Likely).contains(&"aiohttp"), "{settings:?}");
    // As a client it may be aiohttp, but requests may be there unseen.
    let clients = Products::builtin().idle_settings(Side::Client, &of(&both));
    assert_eq!(names(&clients, Likelihood::Named), ["aiohttp"]);
    assert!(names(&clients, Likelihood::Possible).contains(&"requests / urllib3"), "{clients:?}");
    // Two clients that are seen: neither is named.
    let two = program("java", "java", &["httpclient", "okhttp"]);
    let clients = Products::builtin().idle_settings(Side::Client, &of(&two));
    assert_eq!(names(&clients, Likelihood::Named), <[&str; 0]>::default());
    assert_eq!(names(&clients, Likelihood::Likely).len(), 3, "{clients:?}");
}

#[test]
fn a_language_without_a_server_of_its_own_names_none() {
    let rust = program("payments", "rust", &[]);
    let found = candidates(&idle(Side::Server, 4.608), &of(&rust));
    assert_eq!(names(&found, Likelihood::Possible), ["actix-web"]);
    let found = candidates(&idle(Side::Client, 90.1), &of(&program("app", "go", &[])));
    assert_eq!(names(&found, Likelihood::Likely), ["Go net/http"]);
}

#[test]
fn a_peer_that_names_itself_is_that_and_no_other() {
    let seen = Observed { server: Some("Python/3.11 aiohttp/3.14.5"), ..Observed::default() };
    let found = candidates(&idle(Side::Server, 75.04), &seen);
    assert_eq!(names(&found, Likelihood::Named), ["aiohttp"]);
    assert!(!found.iter().any(|it| it.product.name == "nginx"), "{found:?}");
    let seen = Observed { server: Some("nginx/1.22.1"), ..Observed::default() };
    assert_eq!(names(&candidates(&idle(Side::Server, 74.99), &seen), Likelihood::Named), ["nginx"]);
    // A header says nothing of the client.
    let found = candidates(&idle(Side::Client, 60.0), &seen);
    assert_eq!(names(&found, Likelihood::Possible).len(), found.len());
}

#[test]
fn a_polled_timer_is_found_within_its_granularity_and_not_beyond() {
    let waitress = program("python3.11", "python", &["waitress"]);
    let found = |seconds| candidates(&idle(Side::Server, seconds), &of(&waitress)).len();
    assert_eq!([118.7, 119.0, 131.1, 150.0, 151.1, 151.3].map(found), [0, 1, 1, 1, 1, 0]);
    // A plain one has 1 %, and at least 20 ms before and 50 ms after.
    let nginx = program("nginx", "", &[]);
    let found = |seconds| candidates(&idle(Side::Server, seconds), &of(&nginx)).len();
    assert_eq!([74.2, 74.3, 75.7, 75.8].map(found), [0, 1, 1, 0]);
    let gunicorn = program("python3.11", "python", &["gunicorn"]);
    let found = |seconds| candidates(&idle(Side::Server, seconds), &of(&gunicorn)).len();
    assert_eq!([1.979, 1.981, 3.049, 3.051].map(found), [0, 1, 1, 0]);
}

#[test]
fn clocks_coincide_only_where_they_must() {
    let jetty = program("java", "java", &["jetty"]);
    let found = |phase, clock| candidates(&timer(Side::Server, phase, clock, 30.0), &of(&jetty)).len();
    assert_eq!(found(Phase::Idle, Clock::Idle), 1);
    assert_eq!(found(Phase::Unused, Clock::Age), 1);
    assert_eq!(found(Phase::RequestBody, Clock::Silent), 1);
    assert_eq!(found(Phase::RequestBody, Clock::Request), 0);
    assert_eq!(found(Phase::Idle, Clock::Age), 0);
}

#[test]
fn clients_that_heed_announcements_close_before_them() {
    let node = program("node", "node", &["undici"]);
    let seen = Observed { announced: Some(20), ..of(&node) };
    let found = candidates(&idle(Side::Client, 18.02), &seen);
    assert_eq!(found[0].product.name, "undici (Node.js fetch)");
    assert!(found[0].reasons.iter().any(|it| it.contains("2.0 s before")), "{:?}", found[0].reasons);
    assert_eq!(candidates(&idle(Side::Client, 18.02), &of(&node)), []);
}

#[test]
fn a_time_that_is_no_default_leads_to_its_setting() {
    let products = Products::builtin();
    let nginx = program("nginx", "", &[]);
    let settings = products.settings_for(&idle(Side::Server, 7.0), &of(&nginx));
    assert_eq!(settings.len(), 1, "{settings:?}");
    assert_eq!(
        (settings[0].row.setting.name.as_str(), settings[0].configured),
        ("keepalive_timeout", Some(7.0))
    );
    // Of Node's two rows the one whose announcement fits.
    let node = program("node", "node", &[]);
    let seen = Observed { announced: Some(7), ..of(&node) };
    assert_eq!(candidates(&idle(Side::Server, 7.99), &seen), []);
    let settings = products.settings_for(&idle(Side::Server, 7.99), &seen);
    assert_eq!(settings[0].product.name, "Node.js");
    assert!(settings[0].configured.is_some_and(|set| (set - 6.99).abs() < 1e-9), "{settings:?}");
    let settings = products.settings_for(&idle(Side::Server, 7.01), &seen);
    assert!(settings[0].row.versions.contains("20.17"), "{settings:?}");
    // The time of a default, but announced as another.
    let seen = Observed { announced: Some(6), ..of(&node) };
    assert_eq!(candidates(&idle(Side::Server, 5.99), &seen), []);
    let settings = products.settings_for(&idle(Side::Server, 5.99), &seen);
    assert!(
        settings[0].row.versions.contains("20.17") && settings[0].configured == Some(5.99),
        "{settings:?}"
    );
    // At its default nothing is configured.
    let settings = products.settings_for(&idle(Side::Server, 75.0), &of(&nginx));
    assert_eq!(settings[0].configured, None);
    // Nobody is identified.
    assert_eq!(products.settings_for(&idle(Side::Server, 7.0), &Observed::default()), []);
    assert_eq!(
        products.settings_for(&idle(Side::Server, 7.0), &Observed { own: true, ..Observed::default() }),
        []
    );
}

#[test]
fn clients_that_never_close_still_have_a_setting_to_lower() {
    let products = Products::builtin();
    let settings = |program: &Program| products.idle_settings(Side::Client, &of(program));
    let python = settings(&program("python3.11", "python", &["requests"]));
    let urllib3 = python.iter().find(|it| it.product.name == "requests / urllib3");
    assert!(
        urllib3.is_some_and(|it| it.row.setting.fixed && !matches!(it.row.nominal, Nominal::Seconds(_))),
        "{python:?}"
    );
    let go = settings(&program("app", "go", &[]));
    assert_eq!(go[0].row.setting.value_in(45.0), "IdleConnTimeout: 45 * time.Second");
    assert_eq!((go[0].row.nominal, go[0].likelihood), (Nominal::Seconds(90.0), Likelihood::Likely));
    let node = settings(&program("node", "node", &[]));
    assert_eq!(node[0].row.setting.value_in(4.0), "new http.Agent({ keepAlive: true, timeout: 4000 })");
    assert!(node.iter().any(|it| it.product.name.starts_with("undici")), "{node:?}");
    assert!(node.iter().all(|it| it.product.name != "Go net/http"));
}

#[test]
fn what_a_process_calls_itself_is_used_when_its_program_is_unknown() {
    for (process, seconds, product) in [
        ("nginx", 75.0, "nginx"),
        ("gunicorn: maste", 2.0, "gunicorn"),
        ("puma 6.4.2 (tcp", 20.0, "Puma"),
        ("MainThread", 5.99, "Node.js"),
    ] {
        let seen = Observed { process, own: true, ..Observed::default() };
        let found = candidates(&idle(Side::Server, seconds), &seen);
        assert_eq!(names(&found, Likelihood::Named), [product], "{process}: {found:?}");
    }
}

#[test]
fn an_unknown_program_is_no_load_balancer() {
    let unknown = program("payments", "", &[]);
    let found = candidates(&idle(Side::Client, 60.0), &of(&unknown));
    assert!(!found.is_empty());
    assert!(
        found.iter().all(|it| !it.product.name.starts_with("AWS") && it.likelihood == Likelihood::Possible),
        "{found:?}"
    );
    let peer = candidates(&idle(Side::Client, 600.0), &Observed::default());
    assert!(peer.iter().any(|it| it.product.name.starts_with("Google Cloud")), "{peer:?}");
}

#[test]
fn candidates_survive_json() {
    let node = program("node", "node", &[]);
    for candidate in Products::builtin().candidates(&idle(Side::Server, 5.99), &of(&node)) {
        let json = serde_json::to_string(&candidate).expect("JSON");
        assert_eq!(serde_json::from_str::<Candidate>(&json).expect("a candidate"), candidate);
    }
}

#[test]
fn values_are_written_as_the_setting_counts() {
    let setting = |write: &str| Setting {
        name: "t".to_owned(),
        write: write.to_owned(),
        fixed: false,
        least: Some(1.0),
        most: Some(120.0),
    };
    assert_eq!(setting("t {s}s").value_in(64.6), "t 65s");
    assert_eq!(setting("t {s}s").value_in(0.2), "t 1s", "0 would mean something else");
    assert_eq!(setting("t={ms}").value_in(4.25), "t=4250");
    assert!(setting("t {s}").takes(120.0) && !setting("t {s}").takes(121.0) && !setting("t {s}").takes(0.5));
}

#[test]
fn what_an_application_asks_for_is_likelier_than_what_nothing_names_and_is_not_certain() {
    let mut node = program("node", "node", &[]);
    node.depends = vec!["ali-oss".to_owned()];
    let stalled = |seconds| timer(Side::Client, Phase::RequestBody, Clock::Silent, seconds);
    let found = candidates(&stalled(30.0), &of(&node));
    assert_eq!(names(&found, Likelihood::Likely), ["ali-oss"], "{found:?}");
    assert_eq!(found[0].reasons, ["its package.json depends on ali-oss"]);
    // Whatever it is set to.
    let settings = Products::builtin().settings_for(&stalled(3.0), &of(&node));
    let first = settings.first().expect("a setting");
    assert_eq!(
        (first.product.name.as_str(), first.likelihood),
        ("ali-oss", Likelihood::Likely),
        "{settings:?}"
    );
    assert_eq!(first.configured, Some(3.0));
    let deadline = timer(Side::Client, Phase::RequestBody, Clock::Request, 6.0);
    let settings = Products::builtin().settings_for(&deadline, &of(&node));
    assert_eq!(settings.first().map(|it| it.row.setting.name.as_str()), Some("timeout of ali-oss"));
}

#[test]
fn each_protocol_has_its_own_timers() {
    let node = Program { depends: vec!["ioredis".to_owned()], ..program("node", "node", &[]) };
    let first = |protocol| {
        let seen = Observed { protocol: Some(protocol), ..of(&node) };
        Products::builtin().idle_setting(Side::Client, &seen, 4.0).map(|setting| setting.product)
    };
    assert_eq!(first(Protocol::Http).as_deref(), Some("Node.js"));
    assert_eq!(first(Protocol::Redis).as_deref(), Some("ioredis"));
    // What has no pool that is known.
    assert_eq!(first(Protocol::Memcached), None);
    // In TLS nothing says that it is Redis.
    assert_eq!(first(Protocol::Tls).as_deref(), Some("Node.js"));
    let found = candidates(
        &idle(Side::Server, 60.0),
        &Observed { protocol: Some(Protocol::Redis), ..Observed::default() },
    );
    assert!(found.iter().all(|it| !it.product.name.contains("Tomcat")), "{found:?}");
}

#[test]
fn a_proxy_that_cuts_a_websocket_is_named_as_one_that_cuts_any_tunnel() {
    let nginx = program("nginx", "", &[]);
    for protocol in [Protocol::Http, Protocol::Websocket] {
        let seen = Observed { protocol: Some(protocol), ..of(&nginx) };
        let found = candidates(&timer(Side::Server, Phase::Tunnel, Clock::Silent, 60.0), &seen);
        let settings = found.iter().map(|it| it.row.setting.name.as_str());
        assert!(settings.clone().any(|name| name == "proxy_read_timeout"), "{protocol}: {found:?}");
    }
}

#[test]
fn of_two_settings_it_is_the_one_that_takes_the_value() {
    let java = program("java", "java", &["hikaricp", "okhttp"]);
    let seen = Observed { protocol: Some(Protocol::Postgresql), ..of(&java) };
    let setting = |seconds| Products::builtin().idle_setting(Side::Client, &seen, seconds).expect("HikariCP");
    assert_eq!(setting(40.0).written, "maxLifetime=40000");
    assert_eq!(setting(10.0).written, "idleTimeout=10000");
    assert_eq!((setting(10.0).least, setting(4.0).least), (None, Some(30.0)));
    // A client of HTTP in the same process is no rival.
    let found = Products::builtin().idle_settings(Side::Client, &seen);
    assert_eq!(found[0].likelihood, Likelihood::Named, "{found:?}");
}

#[test]
fn servers_and_poolers_of_databases_are_named_by_their_executable() {
    for (executable, protocol, side, seconds, name) in [
        ("postgres", Protocol::Postgresql, Side::Server, 7.0, "idle_session_timeout"),
        ("mariadbd", Protocol::Mysql, Side::Server, 28_800.0, "wait_timeout"),
        ("mariadbd", Protocol::Mysql, Side::Server, 7.0, "wait_timeout"),
        ("redis-server", Protocol::Redis, Side::Server, 300.0, "timeout"),
        ("valkey-server", Protocol::Redis, Side::Server, 300.0, "timeout"),
        ("memcached", Protocol::Memcached, Side::Server, 5.0, "idle_timeout"),
        ("pgbouncer", Protocol::Postgresql, Side::Client, 600.0, "server_idle_timeout"),
        ("proxysql", Protocol::Mysql, Side::Server, 28_800.0, "mysql-wait_timeout"),
        ("haproxy", Protocol::Mysql, Side::Server, 50.0, "timeout client (TCP)"),
        ("envoy", Protocol::Redis, Side::Client, 3600.0, "idle_timeout (tcp_proxy)"),
        ("nginx", Protocol::Mqtt, Side::Server, 600.0, "proxy_timeout (stream)"),
    ] {
        let known = program(executable, "", &[]);
        let seen = Observed { protocol: Some(protocol), ..of(&known) };
        let found = Products::builtin().candidates(&idle(side, seconds), &seen);
        let first = found.first().map(|it| (it.setting.as_str(), it.likelihood));
        assert_eq!(first, Some((name, Likelihood::Named)), "{executable}: {found:?}");
    }
}
