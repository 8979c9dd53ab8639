//! The clients of the matrix: libraries, each with a small program that holds the conversations of a plan
//! (programs/matrix/PLAN.md).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use harness::software::java;

use crate::{
    kit::{self, Kit, Need},
    pinned,
    software::{
        clients::java_class,
        runtimes::{GO_NEEDS, JAVA_NEEDS, go_program, python_version},
    },
};

/// How it closes what is idle, when it is told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdleLimit {
    /// At the time that it is told, or up to as long again after it.
    Millis,
    /// Of seconds, and up to one of them early: it forgets the fraction of when the connection became idle.
    WholeSeconds,
    /// Only when it is asked for the next request.
    NextUse,
    /// It cannot be told.
    No,
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) name: &'static str,
    pub(super) needs: &'static [Need],
    pub(super) version: fn(&Kit) -> Result<String>,
    /// Compiles or writes its program.
    pub(super) prepare: fn(&Kit) -> Result<PathBuf>,
    /// The prepared program, playing this plan.
    pub(super) command: fn(&Kit, &Path, &Path) -> Command,
    pub(super) idle_limit: IdleLimit,
    /// Its pool can be closed while the program goes on.
    pub(super) close: bool,
    /// It can begin a body and not go on.
    pub(super) post_stall: bool,
    /// While its body stalls, it does not see what the server does.
    pub(super) is_deaf_while_stalled: bool,
    /// It sends a request again that met a closed connection, and cannot be told not to.
    pub(super) retries: bool,
}

impl Client {
    /// What a reader of the tables has to know of it.
    pub(super) fn remarks(&self) -> Vec<String> {
        let has_timer = matches!(self.idle_limit, IdleLimit::Millis | IdleLimit::WholeSeconds);
        let all = [
            (!has_timer, "no idle timer"),
            (!self.close, "its pool cannot be closed"),
            (self.retries, "asks again by itself"),
            (self.is_deaf_while_stalled, "deaf while its body stalls"),
        ];
        all.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what.to_owned()).collect()
    }
}

/// What most of them are.
const PLAIN: Client = Client {
    name: "",
    needs: &[],
    version: |_| Ok(String::new()),
    prepare: |kit| kit.directory(),
    command: |_, program, plan| with_arguments(Command::new(program), plan),
    idle_limit: IdleLimit::Millis,
    close: true,
    post_stall: true,
    is_deaf_while_stalled: false,
    retries: false,
};

const NODE: Need = Need::Apt { package: "nodejs", program: "node" };

const HTTP_AGENT: Client = Client {
    name: "Node http.Agent",
    needs: &[NODE],
    version: |kit| kit::version(kit.command("node").arg("--version")),
    prepare: |kit| kit.file("client.js", include_str!("../../programs/matrix/clients/client.js")),
    command: |kit, program, plan| node(kit, program, "http", plan),
    ..PLAIN
};

const AGENTKEEPALIVE: Client = Client {
    name: "agentkeepalive",
    needs: &[NODE, Need::Npm("agentkeepalive")],
    version: |kit| kit.module_version("agentkeepalive"),
    command: |kit, program, plan| node(kit, program, "agentkeepalive", plan),
    ..HTTP_AGENT
};

const AXIOS: Client = Client {
    name: "axios",
    needs: &[NODE, Need::Npm("axios")],
    version: |kit| kit.module_version("axios"),
    command: |kit, program, plan| node(kit, program, "axios", plan),
    ..HTTP_AGENT
};

const GOT: Client = Client {
    name: "got",
    needs: &[NODE, Need::Npm("got")],
    version: |kit| kit.module_version("got"),
    command: |kit, program, plan| node(kit, program, "got", plan),
    ..HTTP_AGENT
};

const UNDICI: Client = Client {
    name: "undici",
    needs: &[NODE, Need::Npm("undici")],
    version: |kit| kit.module_version("undici"),
    command: |kit, program, plan| node(kit, program, "undici", plan),
    ..HTTP_AGENT
};

const REQUESTS: Client = Client {
    name: "requests",
    needs: &[Need::Pypi("requests")],
    version: |kit| python_version(kit, "requests"),
    prepare: |kit| kit.file("client.py", include_str!("../../programs/matrix/clients/client.py")),
    command: |kit, program, plan| python(kit, program, "requests", plan),
    idle_limit: IdleLimit::No,
    ..PLAIN
};

const HTTPX: Client = Client {
    name: "httpx",
    needs: &[Need::Pypi("httpx")],
    version: |kit| python_version(kit, "httpx"),
    command: |kit, program, plan| python(kit, program, "httpx", plan),
    idle_limit: IdleLimit::NextUse,
    is_deaf_while_stalled: true,
    ..REQUESTS
};

const AIOHTTP: Client = Client {
    name: "aiohttp client",
    needs: &[Need::Pypi("aiohttp")],
    version: |kit| python_version(kit, "aiohttp"),
    command: |kit, program, plan| python(kit, program, "aiohttp", plan),
    idle_limit: IdleLimit::Millis,
    ..REQUESTS
};

/// It asks again, once, when a connection that it used before is closed under its request.
const LIBCURL: Client = Client {
    name: "libcurl (pycurl)",
    needs: &[Need::Pypi("pycurl")],
    version: |kit| python_version(kit, "pycurl"),
    command: |kit, program, plan| python(kit, program, "pycurl", plan),
    idle_limit: IdleLimit::NextUse,
    retries: true,
    ..REQUESTS
};

/// It asks again for what has no body, on another connection.
const GO: Client = Client {
    name: "Go http.Client",
    needs: GO_NEEDS,
    version: |kit| kit::version(kit.command("go").arg("version")),
    prepare: |kit| go_program(kit, "client", include_str!("../../programs/matrix/clients/client.go")),
    retries: true,
    ..PLAIN
};

/// Its pool goes with the garbage collector; before Java 21 nothing closes it. It asks again for a GET whose connection
/// ended before an answer: its limit of attempts could be one, but then what it never sent fails too.
const JAVA_CLIENT: Client = Client {
    name: "Java HttpClient",
    needs: JAVA_NEEDS,
    version: |kit| kit::version(kit.command("java").arg("--version")),
    prepare: |kit| java_class(kit, "Client", include_str!("../../programs/matrix/clients/Client.java"), ""),
    command: |kit, program, plan| java(kit, program, "http-client", plan),
    idle_limit: IdleLimit::WholeSeconds,
    close: false,
    retries: true,
    ..PLAIN
};

/// It looks at its idle connections once in five seconds, and asks for everything but a POST again, once.
const JAVA_CONNECTION: Client = Client {
    name: "Java HttpURLConnection",
    command: |kit, program, plan| java(kit, program, "url-connection", plan),
    idle_limit: IdleLimit::No,
    close: true,
    is_deaf_while_stalled: true,
    ..JAVA_CLIENT
};

const REQWEST: Client = Client {
    name: "reqwest",
    needs: &[Need::Crate("reqwest-client")],
    version: |_| crate_version("reqwest"),
    prepare: |kit| Ok(kit.rust_program("reqwest-client")),
    ..PLAIN
};

const HYPER: Client = Client {
    name: "hyper client",
    needs: &[Need::Crate("hyper-client")],
    version: |_| crate_version("hyper"),
    prepare: |kit| Ok(kit.rust_program("hyper-client")),
    idle_limit: IdleLimit::No,
    ..PLAIN
};

/// In the order of the tables.
pub(super) fn all() -> Vec<&'static Client> {
    vec![
        &HTTP_AGENT,
        &AGENTKEEPALIVE,
        &AXIOS,
        &GOT,
        &UNDICI,
        &REQUESTS,
        &HTTPX,
        &AIOHTTP,
        &LIBCURL,
        &GO,
        &JAVA_CLIENT,
        &JAVA_CONNECTION,
        &REQWEST,
        &HYPER,
    ]
}

fn node(kit: &Kit, program: &Path, library: &str, plan: &Path) -> Command {
    let mut command = kit.command("node");
    command.env("NODE_PATH", kit.modules()).arg(program).arg(library);
    with_arguments(command, plan)
}

fn python(kit: &Kit, program: &Path, library: &str, plan: &Path) -> Command {
    let mut command = kit.command("python");
    command.arg(program).arg(library);
    with_arguments(command, plan)
}

fn java(kit: &Kit, classes: &Path, library: &str, plan: &Path) -> Command {
    let mut command = java::main(java::small(kit.command("java")), classes.display(), "Client");
    command.arg(library);
    with_arguments(command, plan)
}

fn with_arguments(mut command: Command, plan: &Path) -> Command {
    command.arg(plan);
    command
}

fn crate_version(name: &str) -> Result<String> {
    let version = pinned::rust_crate(name);
    version
        .map(str::to_owned)
        .with_context(|| format!("find {name} in the lock file of the lab's own programs"))
}
