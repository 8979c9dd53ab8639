//! The daemon's page in a real browser, with real closes behind it.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use harness::{
    Daemon, Ended, await_end, http,
    software::{Server, node},
    wait,
};
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    agent::{self, BINARY},
    browser::Page,
    gate::require,
    peer::{Dialled, ask, dial, listen, read_end, read_request, read_response},
};

/// Longer than Node waits, whatever it adds to its timeout.
const TOO_LATE: Duration = Duration::from_millis(3500);
const REUSED: Duration = Duration::from_millis(600);
const STAGGER: Duration = Duration::from_millis(150);
const HELD: usize = 8;
const LOST: usize = 3;
/// A file's name, and thus a process's.
const HOSTILE_PROCESS: &str = "<img src=x>";
/// curl's code of a transfer that was.
const CUT_SHORT: i32 = 18;
const HOSTILE_SERVER: &str = "<script>hacked=1</script><b>";

/// Clients that use their connections again, let the server close most of them, and write into the last few after that.
/// They come one after another: closes that all come in one moment need not be a timer's.
fn disagree(at: SocketAddr) {
    thread::scope(|scope| {
        for client in 0..HELD + LOST {
            scope.spawn(move || hold(at, client >= HELD));
            thread::sleep(STAGGER);
        }
    });
}

fn hold(at: SocketAddr, writes_late: bool) {
    let mut stream = dial(at);
    ask(&mut stream);
    read_response(&mut stream);
    thread::sleep(REUSED);
    ask(&mut stream);
    read_response(&mut stream);
    thread::sleep(TOO_LATE);
    if writes_late {
        // It may be reported at once that nobody is there.
        let _reset = stream.write_all(b"GET /late HTTP/1.1\r\nHost: test\r\n\r\n");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_page_says_who_hangs_up_on_whom_and_what_to_change() {
    require!("node", "chromium");
    let server = node::script(node::SERVER).and_then(|mut node| Server::announced(&mut node)).expect("Node");
    let mut page = Page::new();
    let daemon = agent::daemon();
    disagree(server.at);
    let port = server.at.port();
    page.go(&format!("http://{}/#port={port}", daemon.address()));
    // Three closes after the same time make a timer, and the last of them is settled after the races.
    page.wait_for(
        "document.querySelector('#headline-text').innerText.includes('closes idle connections after')",
    );
    page.wait_for("document.querySelector('#headline').dataset.tone === 'losing'");
    let said = page.text("#headline");
    assert!(said.contains(&format!("node on port {port} closes idle connections after")), "{said}");
    assert!(said.contains(&format!("{LOST} requests were lost in the last hour")), "{said}");
    let advice = page.text("#trouble");
    assert!(advice.contains("keepAliveTimeout") && advice.contains("Node.js"), "{advice}");

    // When: the hour's last bars, and both in words.
    page.wait_for("document.querySelectorAll('#hour rect').length > 0");
    let legend = page.text("#legend");
    assert!(legend.contains("idle-race") && legend.contains("server-idle"), "{legend}");
    let marked = page.value("document.querySelector('#trouble .chart svg').getAttribute('aria-label')");
    let marked = marked.as_str().expect("a description").to_owned();
    assert!(marked.contains("used again") && marked.contains("the server's timer at"), "{marked}");

    // Why: the evidence of one close.
    page.go(&format!("http://{}/#port={port}&verdict=idle-race", daemon.address()));
    page.wait_for("document.querySelectorAll('#closes details').length > 0");
    page.wait_for(
        "[...document.querySelectorAll('#closes .word')].every((word) => word.innerText === 'idle-race')",
    );
    page.value("document.querySelector('#closes summary').click()");
    page.wait_for("document.querySelector('#closes .more li')");
    assert!(page.text("#closes .more").contains("How it is known"));
    assert!(page.complaints().is_empty(), "{:#?}", page.complaints());
}

#[test]
fn new_closes_come_by_themselves_until_the_page_is_paused() {
    require!("chromium");
    let mut page = Page::new();
    let daemon = agent::daemon();
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    page.go(&format!("http://{}/#port={port}", daemon.address()));
    page.wait_for("document.querySelector('#status').dataset.state === 'live'");
    page.wait_for("document.querySelector('#headline-tone').innerText === 'Nothing to tell yet'");
    let shown = |page: &mut Page| page.value("document.querySelectorAll('#closes details').length").as_u64();
    assert_eq!(shown(&mut page), Some(0));
    hung_up(&listener);
    page.wait_for("document.querySelectorAll('#closes details').length === 2");
    assert_eq!(page.value("document.querySelectorAll('#closes details:not([data-live])').length"), 0);
    page.value("document.querySelector('#pause').click()");
    assert_eq!(page.text("#status-text"), "paused");
    for _ in 0..5 {
        hung_up(&listener);
    }
    // The agent has them, and would have sent them: it does so every second.
    kept(&daemon, port, 12);
    let then = page.value("performance.now()").as_f64().expect("a time");
    page.wait_for(&format!("performance.now() > {then} + 2500"));
    assert_eq!(shown(&mut page), Some(2));
    page.value("document.querySelector('#pause').click()");
    page.wait_for("document.querySelectorAll('#closes details').length === 12");
    assert!(page.complaints().is_empty(), "{:#?}", page.complaints());
}

#[test]
fn names_that_others_chose_are_shown_as_text() {
    require!("chromium", "curl");
    let curl = harness::gate::find("curl").expect("looked for above");
    let mut page = Page::new();
    let daemon = agent::daemon();
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    let dir = tempfile::tempdir().expect("a directory");
    let program = dir.path().join(HOSTILE_PROCESS);
    fs::copy(curl, &program).expect("copy curl");
    page.go(&format!("http://{}/#port={port}", daemon.address()));
    // Cut short by the server.
    let head = format!("HTTP/1.1 200 OK\r\nServer: {HOSTILE_SERVER}\r\nContent-Length: 20\r\n\r\nhi");
    let mut fetch = Command::new(&program);
    fetch.args(["-sS", "-o", "/dev/null", &format!("http://{}/", listener.local_addr().expect("address"))]);
    let mut fetch = fetch.spawn().expect("run curl");
    let (mut stream, _) = listener.accept().expect("accept");
    read_request(&mut stream);
    stream.write_all(head.as_bytes()).expect("answer");
    drop(stream);
    assert_eq!(await_end(&mut fetch).expect("curl ends").code(), Some(CUT_SHORT));
    page.wait_for("document.querySelectorAll('#closes details').length === 2");
    let shows = |text: &str| format!("document.querySelector('main').textContent.includes({text:?})");
    page.wait_for(&shows(HOSTILE_PROCESS));
    page.value("document.querySelectorAll('#closes summary').forEach((summary) => summary.click())");
    page.wait_for(&shows(&format!("Server: {HOSTILE_SERVER}")));
    // As an endpoint, too.
    page.wait_for(&format!("document.querySelector('#crumb').textContent.includes({HOSTILE_PROCESS:?}) || document.querySelector('#map').textContent.includes({HOSTILE_PROCESS:?})"));
    assert_eq!(page.value("document.images.length"), 0);
    assert_eq!(page.value("document.scripts.length"), 1);
    assert_eq!(page.value("typeof hacked"), "undefined");
    assert!(page.complaints().is_empty(), "{:#?}", page.complaints());
}

#[test]
fn a_server_that_stops_is_shown_with_what_it_cost_and_what_to_do() {
    require!("chromium");
    let mut page = Page::new();
    let daemon = agent::daemon();
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    page.go(&format!("http://{}/#port={port}", daemon.address()));
    page.wait_for("document.querySelector('#shutdowns-note').innerText.startsWith('None: no process')");
    let mut cut = Dialled::to(&listener);
    let mut idle = Dialled::to(&listener);
    idle.exchange();
    ask(&mut cut.client);
    read_request(&mut cut.server);
    drop(listener);
    drop(cut.server);
    read_end(&mut cut.client);
    page.wait_for("document.querySelector('#shutdowns details[data-lost=\"1\"]')");
    page.wait_for("document.querySelector('#figures').innerText.includes('1\\nof 1 shutdown lost')");
    let note = page.text("#shutdowns-note");
    assert!(note.contains("Showing 1 of 1, of which 1 lost requests"), "{note}");
    let summary = page.text("#shutdowns summary");
    assert!(summary.contains("1 lost") && summary.contains("1 request cut before the response"), "{summary}");

    // By the keyboard; what comes later changes neither what is open nor the focus.
    page.value("document.querySelector('#shutdowns summary').focus()");
    page.press_enter();
    page.wait_for("document.querySelector('#shutdowns details').open");
    let more = page.text("#shutdowns .more");
    assert!(more.contains(&format!("stopped listening on port {port}")), "{more}");
    assert!(more.contains("What to do") && more.contains("last accept"), "{more}");
    drop(idle.server);
    read_end(&mut idle.client);
    page.wait_for(
        "document.querySelector('#shutdowns .more').innerText.includes('1 connection ended after that')",
    );
    assert_eq!(page.value("document.querySelector('#shutdowns details').open"), true);
    let held = "document.activeElement === document.querySelector('#shutdowns summary')";
    assert_eq!(page.value(held), true);

    // The filters choose among them, too.
    page.go(&format!("http://{}/#port={port}&text=nobody", daemon.address()));
    page.wait_for(
        "document.querySelector('#shutdowns-note').innerText === 'None that the filters let through.'",
    );
    assert!(page.complaints().is_empty(), "{:#?}", page.complaints());
}

#[test]
fn a_service_is_found_in_the_table_and_looked_at_alone() {
    require!("chromium");
    let mut page = Page::new();
    let daemon = agent::daemon();
    let (listener, other) = (listen(), listen());
    let port = listener.local_addr().expect("address").port();
    for listener in [&listener, &other] {
        hung_up(listener);
    }
    page.go(&format!("http://{}/", daemon.address()));
    // Both ends of the same connections are one row.
    let row = format!(
        "[...document.querySelectorAll('#services tbody tr')].filter((row) => row.innerText.includes('on port {port}'))"
    );
    page.wait_for(&format!("{row}.length === 1"));
    page.value(&format!("{row}[0].querySelector('a').click()"));
    page.wait_for(&format!("document.querySelector('#crumb h2')?.innerText.includes('on port {port}')"));
    page.wait_for("document.querySelector('#services-section').hidden");
    page.wait_for("document.querySelectorAll('#closes details').length === 2");
    let shared = page.value("location.hash").as_str().expect("an address").to_owned();
    let hash: Vec<_> = form_urlencoded::parse(shared.trim_start_matches('#').as_bytes()).collect();
    assert_eq!(hash.len(), 2, "both ends: {shared}");
    assert!(
        hash.iter().all(|(name, id)| name == "endpoint" && id.contains(&format!("/{port}/"))),
        "{shared}"
    );

    // A minute without a close of it; and back.
    page.value("location.hash += '&minute=2000-01-01T00:00:00.000Z'");
    page.wait_for("document.querySelectorAll('#closes details').length === 0");
    page.value("document.querySelector('#crumb a').click()");
    page.wait_for(
        "!document.querySelector('#services-section').hidden && document.querySelector('#crumb').hidden",
    );

    // Whoever is muted says nothing at the top.
    page.value(&format!("{row}[0].querySelector('button').click()"));
    page.wait_for(&format!("{row}[0].classList.contains('muted')"));
    assert!(page.complaints().is_empty(), "{:#?}", page.complaints());
}

#[test]
fn a_past_hour_is_shown_from_the_record_and_without_one_the_page_says_why_not() {
    require!("chromium");
    let mut page = Page::new();
    let record = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(BINARY);
    command.args(["run", "--listen", "127.0.0.1:0", "--record"]).arg(record.path());
    let daemon = Daemon::start_by(Path::new(BINARY), &mut command).expect("the daemon starts");
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    hung_up(&listener);
    kept(&daemon, port, 2);
    let now = jiff::Timestamp::now();
    let told = |at: jiff::Timestamp| -> u64 {
        let body = daemon.get(&format!("/api/v1/live?port={port}&at={at}")).expect("an answer");
        let (_, body) = body.split_once("\r\n\r\n").expect("a body");
        let view: Value = serde_json::from_str(body).expect("JSON");
        let rows = view["minutes"]["counts"].as_array().expect("rows").iter();
        rows.flat_map(|row| row.as_array().expect("a row")).filter_map(Value::as_u64).sum()
    };
    // Written within a second or two; an hour before there was nothing.
    let later = now.saturating_add(jiff::SignedDuration::from_mins(10)).expect("a time");
    wait::until("the record", Duration::from_secs(30), || Ok((told(later) == 2).then_some(())))
        .expect("both ends");
    assert_eq!(told(now.saturating_sub(jiff::SignedDuration::from_mins(1)).expect("a time")), 0);
    page.go(&format!("http://{}/#port={port}&at={later}", daemon.address()));
    page.wait_for("document.querySelector('#status').dataset.state === 'past'");
    page.wait_for("document.querySelectorAll('#closes details').length === 2");
    page.value("document.querySelector('#now').click()");
    page.wait_for("document.querySelector('#status').dataset.state === 'live'");

    let without = agent::daemon();
    page.go(&format!("http://{}/#at={later}", without.address()));
    page.wait_for("document.querySelector('#problem').innerText.includes('run --record DIR')");
}

/// What the page is given when the agent shows as many endpoints as it ever does, each in trouble: the real answer's
/// endpoint many times over.
const MANY: &str = "
const ask = window.fetch;
window.fetch = async (url, options) => {
  const answer = await ask(url, options);
  if (!String(url).startsWith('/api/v1/live')) return answer;
  const view = await answer.json();
  const [one] = view.endpoints;
  if (one) {
    view.endpoints = Array.from({ length: 1024 }, (_, at) => ({ ...one, trouble: true, id: `server/${at}/p`,
      server_port: at, process: `p${at}`, title: `p${at} server on port ${at}` }));
    view.endpoints_total = 10000;
    view.endpoints_in_trouble = 9000;
  }
  return new Response(JSON.stringify(view));
};
";

#[test]
fn with_ten_thousand_endpoints_the_page_shows_some_and_says_so() {
    require!("chromium");
    let mut page = Page::new();
    let daemon = agent::daemon();
    let listener = listen();
    hung_up(&listener);
    page.run_first(MANY);
    page.go(&format!("http://{}/", daemon.address()));
    page.wait_for("document.querySelector('#services-note').innerText.includes('Showing 50 of 1,024')");
    assert!(
        page.text("#services-note").contains("The agent knows 10,000"),
        "{}",
        page.text("#services-note")
    );
    assert!(page.text("#figures").contains("9,000"), "{}", page.text("#figures"));
    let cards = page.value("document.querySelectorAll('#trouble article').length");
    assert!(cards.as_u64().is_some_and(|cards| cards <= 10), "{cards}");
    assert!(page.text("#trouble").contains("of 1024"));
    let nodes = page.value("document.querySelectorAll('*').length").as_u64().expect("a number");
    assert!(nodes < 5000, "{nodes} elements");
    // Sorting all of them is done before anybody notices.
    let took = page.value(
        "(() => { const from = performance.now(); document.querySelector('#services th:nth-child(9) button').click(); document.body.offsetHeight; return performance.now() - from; })()",
    );
    assert!(took.as_f64().is_some_and(|took| took < 500.0), "{took} ms");
    let order = page.value("document.querySelector('#services th[aria-sort]').innerText");
    assert!(order.as_str().is_some_and(|order| order.starts_with("Closes")), "{order}");
}

#[test]
fn the_page_answers_to_no_other_name_and_its_followers_do_not_keep_the_daemon_alive() {
    require!();
    let daemon = agent::daemon();
    let asked = |request: &str| http::ask(daemon.address(), request).expect("an answer");
    let paths =
        ["/", "/api/v1/live", "/api/v1/closes", "/api/v1/events", "/api/v1/report", "/metrics", "/healthz"];
    for path in paths {
        let answer = asked(&format!("GET {path} HTTP/1.1\r\nHost: rebound.example:9909"));
        assert!(answer.starts_with("HTTP/1.1 421 ") && answer.contains("--allowed-host"), "{path}: {answer}");
    }
    for host in [daemon.address().to_string(), "192.0.2.1:9909".to_owned()] {
        let answer = asked(&format!("GET /metrics HTTP/1.1\r\nHost: {host}"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
    }
    let local = asked("GET / HTTP/1.1\r\nHost: localhost:9909");
    assert!(
        local.starts_with("HTTP/1.1 200 ") && local.contains("default-src 'none'; script-src 'self'"),
        "{local}"
    );
    let wrong = asked("GET /api/v1/live?port=http HTTP/1.1\r\nHost: localhost");
    assert!(wrong.starts_with("HTTP/1.1 400 ") && wrong.contains("`port=http`"), "{wrong}");

    let mut follower = TcpStream::connect(daemon.address()).expect("connect");
    follower.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
    write!(follower, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("ask");
    let mut heard = String::new();
    while !heard.contains("event: pulse") {
        let mut some = [0; 4096];
        let read = follower.read(&mut some).expect("events");
        assert_ne!(read, 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&some[..read]));
    }
    let began = Instant::now();
    daemon.signal(Signal::TERM).expect("signal the daemon");
    daemon.wait().and_then(Ended::success).expect("a good end");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[test]
fn a_name_that_is_allowed_is_answered_to() {
    require!();
    let mut command = Command::new(BINARY);
    command.args(["run", "--listen", "127.0.0.1:0", "--allowed-host", "node1.example,proxy.example"]);
    let daemon = Daemon::start_by(Path::new(BINARY), &mut command).expect("the daemon starts");
    for (host, status) in [("node1.example:9909", 200), ("PROXY.example", 200), ("node2.example", 421)] {
        for path in ["/metrics", "/api/v1/report"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}");
            let answer = http::ask(daemon.address(), &request).expect("an answer");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}{path}: {answer}");
        }
    }
}

/// A client that hangs up on its request: of closes in trouble there are fewer on a host than of others, and the agent
/// keeps the last hundred of either.
fn hung_up(listener: &TcpListener) {
    let Dialled { mut client, mut server } = Dialled::to(listener);
    ask(&mut client);
    read_request(&mut server);
    drop(client);
    read_end(&mut server);
}

/// Waits until the agent shows so many closes at this port.
fn kept(daemon: &Daemon, port: u16, count: usize) {
    let found = wait::until("closes", Duration::from_secs(30), || {
        let answer = daemon.get(&format!("/api/v1/closes?port={port}"))?;
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        let view: Value = serde_json::from_str(body).expect("JSON");
        Ok((view["closes"].as_array().expect("a list").len() >= count).then_some(()))
    });
    found.expect("the agent keeps them");
}
