//! What people get wrong, and how the binary ends: one clear line and the right status.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use harness::{Close, await_end};
use rustix::process::Signal;

use crate::{
    agent::{self, BINARY},
    gate::require,
    peer::{Dialled, listen},
};

const OBJECT: &str = "WHOHUNGUP_BPF_OBJECT";
/// Like `nobody` on most systems.
const NOBODY: u32 = 65534;

/// Runs a command that must fail, and returns what it says on stderr.
fn refusal(command: &mut Command) -> String {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start");
    let status = await_end(&mut child).expect("an end");
    let output = child.wait_with_output().expect("output");
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert!(!status.success() && status.code().is_some(), "{status}: {stderr}");
    assert!(output.stdout.is_empty(), "stdout is for closes");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

fn watch(args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("watch").args(args);
    command
}

/// Asserts one line with all of `parts` in it.
fn assert_line(stderr: &str, parts: &[&str]) {
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("whohungup: "), "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
    }
}

#[test]
fn without_privileges_one_line_says_what_is_needed() {
    require!();
    // Nobody may not look into the build directory of whoever runs the tests.
    let dir = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .expect("temporary directory");
    let copy = dir.path().join("whohungup");
    fs::copy(BINARY, &copy).expect("copy the binary");
    for command in ["watch", "selftest"] {
        // Changing the user from root takes the supplementary groups and all capabilities away.
        let stderr = refusal(Command::new(&copy).arg(command).env_remove(OBJECT).uid(NOBODY).gid(NOBODY));
        assert_line(&stderr, &["run as root", "CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"]);
    }
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused_by_name() {
    for (args, part) in [
        (&["--jsn"][..], "--jsn"),
        (&["--verdict", "nonsense"], "nonsense"),
        (&["--port", "70000"], "70000"),
        (&["--idle-threshold", "soon"], "soon"),
        (&["--http-inspection", "grpc"], "grpc"),
    ] {
        let stderr = refusal(&mut watch(args));
        assert!(stderr.contains(part) && stderr.contains("--help"), "{stderr}");
    }
    let stderr = refusal(&mut watch(&["--verdict", "nonsense"]));
    assert!(stderr.contains("server-idle") && stderr.contains("idle-race"), "{stderr}");
}

#[test]
fn a_ring_of_a_size_that_no_ring_can_have_is_refused() {
    for size in ["5000", "2048", "0"] {
        assert_line(
            &refusal(&mut watch(&["--ring-bytes", size])),
            &["--ring-bytes", size, "power of two", "4096"],
        );
    }
}

#[test]
fn an_object_that_is_none_is_refused_by_its_path() {
    require!();
    let dir = tempfile::tempdir().expect("temporary directory");
    let garbage = dir.path().join("garbage.o");
    let cut = dir.path().join("cut.o");
    let missing = dir.path().join("missing.o");
    fs::write(&garbage, b"this is no object\n").expect("write");
    let object = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../agent-ebpf/object/whohungup.bpf.o"));
    let object = object.expect("the object that is built in");
    fs::write(&cut, &object[..object.len() / 2]).expect("write");
    for (path, part) in [(&garbage, "not usable"), (&cut, "not usable"), (&missing, "No such file")] {
        let shown = path.display().to_string();
        assert_line(&refusal(watch(&[]).env(OBJECT, path)), &[&shown, part]);
    }
}

#[test]
fn a_reader_that_leaves_ends_the_watch_quietly() {
    require!();
    let mut child = watch(&["--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start");
    drop(child.stdout.take());
    let listener = listen();
    let until = Instant::now() + Duration::from_secs(20);
    // Closes until it has noticed; the first may come before it is ready.
    while child.try_wait().expect("wait").is_none() && Instant::now() < until {
        Dialled::to(&listener).exchange();
        std::thread::sleep(Duration::from_millis(50));
    }
    let status = await_end(&mut child).expect("an end");
    let stderr = String::from_utf8(child.wait_with_output().expect("output").stderr).expect("text");
    assert_eq!((status.code(), stderr.as_str()), (Some(0), "ready\n"));
}

#[test]
fn a_count_ends_the_watch() {
    require!();
    let listener = listen();
    let port = listener.local_addr().expect("address").port().to_string();
    let agent = agent::start(&["watch", "--json", "--port", &port, "--count", "1"]);
    for _ in 0..3 {
        Dialled::to(&listener).exchange();
    }
    let ended = agent.wait().expect("an end");
    assert_eq!((ended.status.code(), ended.stdout.len()), (Some(0), 1), "{ended:?}");
    Close::parse(&ended.stdout[0]).expect("a close");
}

#[test]
fn a_duration_ends_the_watch() {
    require!();
    let agent = agent::start(&["watch", "--json", "--for", "1s"]);
    let ready = Instant::now();
    let ended = agent.wait().expect("an end");
    let lasted = ready.elapsed().as_secs_f64();
    assert!(ended.status.success() && (0.9..3.0).contains(&lasted), "{lasted} s: {ended:?}");
    assert!(ended.stderr.contains("VERDICT"), "{ended:?}");
}

#[test]
fn signals_end_the_watch_with_a_summary() {
    require!();
    let listener = listen();
    let port = listener.local_addr().expect("address").port().to_string();
    for signal in [Signal::INT, Signal::TERM] {
        let agent = agent::start(&["watch", "--port", &port]);
        let header = agent.next_line(Instant::now() + Duration::from_secs(30)).expect("a header");
        assert!(header.starts_with("TIME"));
        Dialled::to(&listener).exchange();
        // Not settled yet: ending settles it.
        agent.signal(signal).expect("signal the agent");
        let ended = agent.wait().expect("an end");
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        let count =
            |line: &String| line.split_whitespace().nth(1).and_then(|count| count.parse::<u64>().ok());
        let all = ended.stdout.iter().find(|line| line.starts_with("all ")).and_then(count);
        assert_eq!(all, Some(2), "{ended:?}");
    }
}

/// A shell in a mount namespace of its own: what it hides is hidden from nobody else.
fn hidden(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", script, BINARY]);
    command
}

#[test]
fn a_kernel_without_btf_is_reported_by_the_option_that_it_lacks() {
    require!("unshare");
    let hide = "mount -t tmpfs none /sys/kernel/btf; exec \"$0\" watch --for 1s";
    let stderr = refusal(&mut hidden(hide));
    assert_line(&stderr, &["/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF"]);
    assert_eq!(stderr.matches("No such file").count(), 1, "{stderr}");
}

#[test]
fn cgroup2_that_is_mounted_nowhere_is_mounted_for_the_agent_alone() {
    require!("unshare");
    let hide = "for at in $(awk '$3 == \"cgroup2\" { print $2 }' /proc/self/mounts); do umount -l $at; done
        \"$0\" check; awk '$3 == \"cgroup2\"' /proc/self/mounts";
    let output = hidden(hide).output().expect("run");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && table.contains("mounted for the agent alone"), "{table}");
    assert!(table.lines().last().is_some_and(|line| line.contains("works here")), "nothing is left: {table}");
}

/// As container runtimes start what they run: in a cgroup namespace and a process namespace of its own, below the root cgroup.
const IN_A_CGROUP_NAMESPACE: &str = r#"
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
below=$root/whohungup-private-$$
mkdir "$below"
# Whoever has ended there is gone a moment later.
trap 'for _ in $(seq 200); do rmdir "$below" 2>/dev/null && break; sleep 0.05; done' EXIT
(
    echo $BASHPID > "$below/cgroup.procs"
    exec unshare -C -m -p -f --mount-proc bash -c '
        umount -l "$0"
        "$1" check
        mount -t cgroup2 none "$0"
        "$1" check
        log=$(mktemp)
        "$1" run --listen 127.0.0.1:0 2> "$log" & agent=$!
        until grep -q ^ready "$log"; do kill -0 $agent || { cat "$log"; exit 1; }; sleep 0.05; done
        curl -s "$(sed -n "s/^metrics at //p" "$log")" | grep ^whohungup_degraded
        cat "$log"; rm "$log"
        kill $agent; wait $agent' "$root" "$0"
)"#;

#[test]
fn the_root_of_a_cgroup_namespace_is_not_taken_for_the_hosts() {
    require!("unshare", "curl");
    let output = Command::new("bash").args(["-ec", IN_A_CGROUP_NAMESPACE, BINARY]).output().expect("run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("cgroup2")).collect();
    // Mounted for the agent alone, it is the namespace's too.
    let [own, mounted] = lines[..] else { panic!("two runs of `check`: {text}") };
    for line in [own, mounted] {
        assert!(line.contains(" degraded ") && line.contains("--cgroupns=host"), "{line}");
    }
    assert!(text.contains("`whohungup run` works here, with 2 restrictions"), "{text}");
    assert!(text.contains("whohungup_degraded{reason=\"cgroup-scope\"} 1"), "{text}");
}
