//! Whose an endpoint is: many containers with one program and port.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use harness::{
    Daemon, Samples,
    kubernetes::{Answer, ApiServer},
    sum, wait,
};
use serde_json::Value;

use crate::{
    agent::{self, BINARY},
    gate::require,
    peer::{ask, dial, read_end, read_response},
};

const CONTAINERS: usize = 100;
/// Closes of each by its clients, as fast as they come.
const QUICK: usize = 100;
/// Connections of each that its own idle timer ends.
const IDLE: usize = 8;

/// Servers in cgroups that are called as Docker calls them, all at one port, each at an address of its own. Prints which process
/// serves which container, then how fast their clients closed.
const SERVERS: &str = r#"
import collections, os, selectors, socket, sys, time
root, port, containers, quick, idle = sys.argv[1], *map(int, sys.argv[2:])
answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
question = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
address = lambda n: (f"127.0.7.{n + 1}", port)

def serve(listener, seconds):
    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ)
    waiting = collections.OrderedDict()
    while True:
        now = time.monotonic()
        while waiting and next(iter(waiting.values())) <= now:
            one, _ = waiting.popitem(last=False)
            ready.unregister(one)
            one.close()
        pause = max(0, next(iter(waiting.values())) - now) if waiting else None
        for key, _ in ready.select(pause):
            one = key.fileobj
            if one is listener:
                one = listener.accept()[0]
                ready.register(one, selectors.EVENT_READ)
                waiting[one] = time.monotonic() + seconds
                continue
            waiting.pop(one, None)
            try:
                if one.recv(4096):
                    one.sendall(answer)
                    waiting[one] = time.monotonic() + seconds
                    continue
            except OSError:
                pass
            ready.unregister(one)
            one.close()

servers = []
for n in range(containers):
    id = f"{os.getpid():056x}{n:08x}"
    cgroup = f"{root}/docker/{id}"
    os.makedirs(cgroup, exist_ok=True)
    pid = os.fork()
    if pid == 0:
        open(f"{cgroup}/cgroup.procs", "w").write(str(os.getpid()))
        serve(socket.create_server(address(n), backlog=64), 1.0 + n % 2)
    servers.append(pid)
    print(id, pid, flush=True)

def connect(n):
    for _ in range(400):
        try:
            return socket.create_connection(address(n))
        except ConnectionRefusedError:
            time.sleep(0.02)

held = [connect(n) for _ in range(idle) for n in range(containers)]
for one in held:
    one.sendall(question)
    one.recv(99)
began = time.monotonic()
for _ in range(quick):
    for n in range(containers):
        with connect(n) as one:
            one.sendall(question)
            one.recv(99)
print("rate", round(quick * containers / (time.monotonic() - began)), flush=True)
for one in held:
    one.recv(99)
    one.close()
print("done", flush=True)
sys.stdin.read()
# A cgroup is not empty before its last process has been waited for.
for pid in servers:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
"#;

/// Servers that end with the test, and their cgroups with them.
struct Servers {
    program: Child,
    pids: HashMap<String, u64>,
    root: PathBuf,
}

impl Servers {
    fn start(root: &Path, port: u16) -> (Self, u64) {
        let numbers = [usize::from(port), CONTAINERS, QUICK, IDLE].map(|number| number.to_string());
        let mut program = Command::new("python3")
            .args(["-c", SERVERS])
            .arg(root)
            .args(numbers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the servers");
        let output = BufReader::new(program.stdout.take().expect("a pipe"));
        let mut servers = Self { program, pids: HashMap::new(), root: root.to_owned() };
        let mut rate = 0;
        for line in output.lines().map_while(Result::ok).take_while(|line| line != "done") {
            let (name, number) = line.split_once(' ').expect("two words");
            let number = number.parse().expect("a number");
            if name == "rate" {
                rate = number;
            } else {
                servers.pids.insert(name.to_owned(), number);
            }
        }
        (servers, rate)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.program.stdin.take());
        let _ended = self.program.wait();
        let parent = self.root.join("docker");
        for id in self.pids.keys() {
            let cgroup = parent.join(id);
            let _gone = wait::until("an empty cgroup", Duration::from_secs(10), || {
                Ok(fs::remove_dir(&cgroup).is_ok().then_some(()))
            });
        }
        let _others_may_use_it = fs::remove_dir(parent);
    }
}

fn cgroup2() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("read the mounts");
    let mut fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    fields.find(|fields| fields[2] == "cgroup2").map(|fields| fields[1].into()).expect("cgroup2 is mounted")
}

#[test]
fn a_hundred_containers_with_one_program_and_port_are_distinguished() {
    require!("python3");
    let daemon = agent::daemon();
    let resident = |samples: &Samples| sum(samples, "process_resident_memory_bytes");
    let before = resident(&daemon.samples().expect("a scrape"));
    let port = harness::port::free([127, 0, 7, 1]).expect("a port").port();
    let (servers, rate) = Servers::start(&cgroup2(), port);

    let each = (QUICK + IDLE) as u64;
    let report = wait::until("every close", Duration::from_mins(1), || {
        let report: Value = serde_json::from_str(&daemon.report("--json", &[port])?)?;
        let endpoints = report["endpoints"].as_array().expect("a list").clone();
        let servers: Vec<Value> = endpoints.into_iter().filter(|one| one["role"] == "server").collect();
        let all: u64 = servers.iter().filter_map(|one| one["closes"].as_u64()).sum();
        Ok((all >= each * CONTAINERS as u64).then_some(servers))
    });
    let endpoints = report.expect("a report");
    let after = daemon.samples().expect("a scrape");

    assert_eq!(endpoints.len(), CONTAINERS);
    let mut timed = 0;
    for endpoint in &endpoints {
        let workload = &endpoint["workload"];
        let id = workload["container_id"].as_str().unwrap_or_else(|| panic!("no container: {endpoint:#}"));
        assert_eq!(
            (&workload["kind"], &endpoint["closes"]),
            (&"container".into(), &each.into()),
            "{endpoint:#}"
        );
        assert_eq!(endpoint["recent_pids"], serde_json::json!([servers.pids[id]]), "{endpoint:#}");
        let number = u64::from_str_radix(&id[56..], 16).expect("a number");
        // On a busy host a server may close so unevenly that it shows no timer; another's it never has.
        let timers = endpoint["timers"].as_array().expect("a list").iter();
        let seconds: Vec<f64> = timers.filter_map(|timer| timer["seconds"].as_f64()).collect();
        let own = (1 + number % 2) as f64;
        assert!(seconds.iter().all(|seconds| (seconds - own).abs() < 0.4), "{own}: {seconds:?}");
        timed += usize::from(!seconds.is_empty());
    }
    assert!(timed > CONTAINERS / 2, "{timed}");
    let grown = resident(&after) - before;
    eprintln!("{rate} closes a second; {:.1} MB more", grown / 1e6);
    assert!(grown < 20e6, "{grown}");
    assert!(sum(&after, "whohungup_cgroups_unresolved_total") < 1.0);
}

#[test]
fn names_are_found_without_asking_anybody() {
    require!("strace", "curl");
    let trace = tempfile::NamedTempFile::new().expect("a file");
    let mut agent = Command::new("strace")
        // The tracer is a grandchild: the child is the agent itself.
        .args(["-D", "-f", "-q", "-e", "trace=connect,bind", "-o"])
        .arg(trace.path())
        .args([BINARY, "run", "--listen", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("start strace");
    let lines = BufReader::new(agent.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let said: Vec<String> = lines.take_while(|line| line != "ready").collect();
    let metrics = said.iter().find_map(|line| line.strip_prefix("metrics at ")).expect("an address");
    let scrape = Command::new("curl").args(["-s", metrics]).output().expect("scrape").stdout;
    assert!(String::from_utf8_lossy(&scrape).contains("whohungup_build_info"));
    let pid = rustix::process::Pid::from_raw(agent.id() as i32).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("end it");
    agent.wait().expect("the agent ends");
    let calls = wait::until("the whole trace", Duration::from_secs(20), || {
        let calls = fs::read_to_string(trace.path())?;
        Ok(calls.contains("+++ exited with 0 +++").then_some(calls))
    });
    let calls = calls.expect("a trace");
    assert!(calls.contains("bind("), "nothing was traced: {calls}");
    let asked: Vec<&str> = calls.lines().filter(|line| line.contains("connect(")).collect();
    assert!(asked.is_empty(), "{asked:#?}");
}

const POD_UID: &str = "5f1c7d02-93a4-4d7e-8a55-0b6a7a1b9c3d";

/// A server in the cgroup of a pod's container, as a kubelet calls it.
const POD: &str = r#"
import os, socket, sys
cgroup, port = sys.argv[1], int(sys.argv[2])
os.makedirs(cgroup, exist_ok=True)
open(f"{cgroup}/cgroup.procs", "w").write(str(os.getpid()))
listener = socket.create_server(("127.0.0.1", port))
print("ready", flush=True)
while True:
    with listener.accept()[0] as one:
        one.recv(4096)
        one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
"#;

/// It ends with the test, and its cgroups with it.
struct Pod {
    program: Child,
    cgroup: PathBuf,
}

impl Pod {
    fn start(port: u16) -> Self {
        let container = format!("{:064x}", std::process::id());
        let cgroup = cgroup2().join(format!("kubepods/burstable/pod{POD_UID}/{container}"));
        let mut program = Command::new("python3")
            .args(["-c", POD])
            .arg(&cgroup)
            .arg(port.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the server");
        let mut output = BufReader::new(program.stdout.take().expect("a pipe")).lines();
        assert_eq!(output.next().expect("a line").expect("text"), "ready");
        Self { program, cgroup }
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let _ended = self.program.kill();
        let _status = self.program.wait();
        let _gone = wait::until("an empty cgroup", Duration::from_secs(10), || {
            Ok(fs::remove_dir(&self.cgroup).is_ok().then_some(()))
        });
        // Others may use those above.
        for above in self.cgroup.ancestors().skip(1).take(3) {
            let _used = fs::remove_dir(above);
        }
    }
}

fn close_one(port: u16) {
    let mut client = dial(([127, 0, 0, 1], port).into());
    ask(&mut client);
    read_response(&mut client);
    read_end(&mut client);
}

#[test]
fn the_kubernetes_api_says_what_made_a_pod_and_its_silence_stops_nothing() {
    require!("python3");
    let api = ApiServer::start().expect("an API");
    let owner =
        r#"{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-5d4b8c7f9","uid":"1","controller":true}"#;
    let labels = r#"{"pod-template-hash":"5d4b8c7f9","team":"shop","other":"x"}"#;
    let event = format!(
        r#"{{"type":"ADDED","object":{{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{{
            "name":"web-5d4b8c7f9-abcde","namespace":"live","uid":"{POD_UID}","resourceVersion":"7",
            "labels":{labels},"ownerReferences":[{owner}]}}}}}}"#
    );
    let (answer, goes_on) = Answer::watch([event.replace('\n', "")]);
    api.answer(answer);
    let port = harness::port::free([127, 0, 0, 1]).expect("a port").port();
    let _pod = Pod::start(port);
    let mut command = Command::new(BINARY);
    command.args(["run", "--listen", "127.0.0.1:0", "--max-endpoints", "65536", "--workload-names", "api"]);
    command.args(["--node-name", "node-1", "--pod-labels", "team", "--kubernetes-api", &api.url()]);
    command.arg("--metrics-labels=k8s_namespace_name,k8s_workload_name,k8s_workload_kind");
    command.arg("--service-account").arg(api.account());
    let daemon = Daemon::start_by(Path::new(BINARY), &mut command).expect("the daemon starts");
    let is_degraded = |daemon: &Daemon| -> anyhow::Result<bool> {
        Ok(daemon.get("/metrics")?.contains("whohungup_degraded{reason=\"kubernetes-api\"} 1"))
    };
    let answers =
        wait::until("an answer", Duration::from_secs(30), || Ok((!is_degraded(&daemon)?).then_some(())));
    answers.expect("it answers");

    let workload = wait::until("the pod's owner", Duration::from_secs(30), || {
        close_one(port);
        let report: Value = serde_json::from_str(&daemon.report("--json", &[port])?)?;
        let endpoints = report["endpoints"].as_array().expect("a list");
        let server = endpoints.iter().find(|one| one["role"] == "server");
        let workload = server.map(|server| server["workload"].clone());
        Ok(workload.filter(|workload| !workload["owner_kind"].is_null()))
    });
    let workload = workload.expect("named");
    assert_eq!(
        [&workload["namespace"], &workload["pod"], &workload["owner"], &workload["owner_kind"]],
        ["live", "web-5d4b8c7f9-abcde", "web", "Deployment"],
        "{workload:#}"
    );
    assert_eq!(workload["labels"], serde_json::json!({ "team": "shop" }));
    let metrics = daemon.get("/metrics").expect("a scrape");
    let labels = r#"k8s_namespace_name="live",k8s_workload_name="web",k8s_workload_kind="Deployment",k8s_pod_label_team="shop""#;
    assert!(metrics.contains(labels), "{metrics}");

    // The API goes, and is asked in vain: closes go on, with the names that are known.
    drop(goes_on);
    let gone = wait::until("its end", Duration::from_mins(1), || Ok(is_degraded(&daemon)?.then_some(())));
    gone.expect("it is reported");
    let closes = |samples: &Samples| {
        let of_pod = samples.iter().filter(|(series, _)| {
            series.contains("closes_total{role=\"server\"") && series.contains("k8s_pod_label_team=\"shop\"")
        });
        of_pod.map(|(_, value)| value).sum::<f64>()
    };
    let before = closes(&daemon.samples().expect("a scrape"));
    assert!(before > 0.0);
    close_one(port);
    let counted = wait::until("one more close", Duration::from_secs(30), || {
        Ok((closes(&daemon.samples()?) > before).then_some(()))
    });
    counted.expect("it is counted");
}

#[test]
fn without_the_nodes_name_the_api_is_not_asked_for() {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        let output = command.env_remove("NODE_NAME").arg("run").args(arguments).output().expect("run it");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (arguments, reason) in [
        (&["--workload-names", "api"][..], "--node-name"),
        (&["--workload-names", "api", "--node-name", "A,b=c"], "kubectl get nodes"),
        (&["--kubernetes-api", "http://10.0.0.1"], "https://HOST"),
        (&["--pod-labels", "a.b,a-b"], "k8s_pod_label_a_b"),
    ] {
        let (success, said) = run(arguments);
        assert!(!success && said.contains(reason), "{arguments:?}: {said}");
    }
}
