//! Which words command lines and paths give.

use super::*;
use crate::products::Products;

fn of(line: &str, runtime: &str) -> Vec<String> {
    let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let mut words = Words::new(Products::builtin());
    words.offer_command_line(&arguments, (!runtime.is_empty()).then_some(runtime));
    words.into_found()
}

#[test]
fn servers_are_recognised_however_they_are_started() {
    for (line, wanted) in [
        ("/usr/bin/python3 /usr/local/bin/gunicorn app:app", &["gunicorn"][..]),
        ("gunicorn: master [app:app]", &["gunicorn"]),
        ("python3 -m gunicorn app:app", &["gunicorn"]),
        ("python3 /venv/bin/gunicorn -k uvicorn.workers.UvicornWorker app:app", &["gunicorn", "uvicorn"]),
        (
            "python3 /venv/bin/gunicorn --worker-class=aiohttp.GunicornWebWorker app:app",
            &["gunicorn", "aiohttp"],
        ),
        ("/usr/bin/python3 /usr/local/bin/uvicorn app:app --port 8000", &["uvicorn"]),
        ("python3 -u -X dev -m uvicorn app:app", &["uvicorn"]),
        ("python3 -muvicorn app:app", &["uvicorn"]),
        ("python3 -m http.server 8000", &["http.server"]),
        ("python3 -m waitress app:app", &["waitress"]),
        ("python3 /venv/bin/waitress-serve app:app", &["waitress"]),
    ] {
        assert_eq!(of(line, "python"), wanted, "{line}");
    }
    assert_eq!(of("puma 6.4.2 (tcp://0.0.0.0:3000) [app]", "ruby"), ["puma"]);
    assert_eq!(of("node /app/node_modules/.bin/fastify start app.js", "node"), ["fastify"]);
    assert_eq!(
        of("node --max-old-space-size=100 /app/node_modules/egg-cluster/lib/app_worker.js", "node"),
        ["egg"]
    );
    assert_eq!(
        of("java -Xmx1g -cp /srv/bootstrap.jar:/x org.apache.catalina.startup.Bootstrap start", "java"),
        ["tomcat"]
    );
    assert_eq!(
        of("java -cp /l/jetty-server-9.4.57.v20241219.jar:/l/httpclient-4.5.14.jar Main", "java"),
        ["jetty", "httpclient"]
    );
    assert_eq!(of("java -m jdk.httpserver", "java"), ["jdk.httpserver"]);
    assert_eq!(of("java -Djdk.httpclient.keepalive.timeout=3 Main", "java"), ["java.net.http"]);
}

#[test]
fn only_names_in_their_place_count() {
    for (line, runtime) in [
        ("python3 app.py --server uvicorn", "python"),
        ("python3 /srv/uvicorn-demo/main.py", "python"),
        ("python3 -c uvicorn", "python"),
        ("python3", "python"),
        ("", "python"),
        ("sleep gunicorn", ""),
        ("java -Dserver=jetty -cp /l/jetty-client-9.4.57.jar:/l/tomcat-util-10.1.jar Main jetty", "java"),
        ("node server.js fastify", "node"),
    ] {
        assert_eq!(of(line, runtime), <[&str; 0]>::default(), "{line}");
    }
}

#[test]
fn nothing_but_words_of_the_table_is_kept() {
    let line = "python3 -m uvicorn app:app --password hunter2 --log-level debug";
    assert_eq!(of(line, "python"), ["uvicorn"]);
}

#[test]
fn modules_name_themselves_by_their_directory() {
    for (path, wanted) in [
        (
            "/venv/lib/python3.11/site-packages/aiohttp/_http_parser.cpython-311-x86_64-linux-gnu.so",
            "aiohttp",
        ),
        ("/usr/lib/python3/dist-packages/tornado/speedups.abi3.so", "tornado"),
        ("/var/lib/gems/3.1.0/gems/puma-5.6.5/lib/puma/puma_http11.so", "puma"),
    ] {
        let mut words = Words::new(Products::builtin());
        words.offer_module_directory(path);
        assert_eq!(words.into_found(), [wanted], "{path}");
    }
    let mut words = Words::new(Products::builtin());
    for path in ["site-packages", "/site-packages/", "", "/x/puma-5.6.5/y.so", "/gems/-1/x"] {
        words.offer_module_directory(path);
    }
    assert_eq!(words.into_found(), <[&str; 0]>::default());
}

#[test]
fn versions_do_not_hide_a_runtime() {
    assert_eq!(runtime_of("python3.11"), Some("python"));
    assert_eq!(runtime_of("php-fpm8.2"), Some("php"));
    assert_eq!(runtime_of("node"), Some("node"));
    assert_eq!(runtime_of("nginx"), None);
    assert_eq!(runtime_of(""), None);
    assert_eq!(base_name_without_version("123"), "123");
}
