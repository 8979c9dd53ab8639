//! Real processes.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::files::jar;
use crate::procinfo::{ProgramCache, read};
use whohungup_core::program::Program;

/// A child that ends with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Option<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok().map(Self)
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Reads it until it is as `wanted`: an interpreter may take some time to load, a launcher to give way to it.
    fn until(&self, wanted: impl Fn(&Program) -> bool) -> Program {
        let begun = Instant::now();
        loop {
            let program = read(self.pid());
            if let Some(program) = program.as_ref().filter(|it| wanted(it)) {
                return program.clone();
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{program:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sleep() -> Running {
    Running::start(Command::new("sleep").arg("100")).expect("sleep")
}

/// Runs on `runtime` and has words: the kernel shows a new executable a moment before its command line.
fn says(runtime: &str) -> impl Fn(&Program) -> bool {
    move |program| program.runtime.as_deref() == Some(runtime) && !program.words.is_empty()
}

#[test]
fn a_python_server_is_known_by_its_module() {
    let server =
        Running::start(Command::new("python3").args(["-m", "http.server", "--bind", "127.0.0.1", "0"]))
            .expect("python3");
    let program = server.until(says("python"));
    assert!(program.executable.as_deref().is_some_and(|name| name.starts_with("python")), "{program:?}");
    assert_eq!(program.words, ["http.server"]);
}

#[test]
fn a_python_script_is_known_by_its_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = directory.path().join("gunicorn");
    fs::write(&script, "import time\ntime.sleep(100)\n").expect("a script");
    let server = Running::start(Command::new("python3").arg(&script).arg("app:app")).expect("python3");
    assert_eq!(server.until(says("python")).words, ["gunicorn"]);
}

#[test]
fn a_process_that_multiprocessing_spawned_is_what_its_parent_is() {
    const SCRIPT: &str = r#"
import multiprocessing, time

def work():
    time.sleep(100)

if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=work, daemon=True)
    worker.start()
    with open(__file__ + ".pid", "w") as file:
        file.write(str(worker.pid))
    worker.join()
"#;
    let directory = tempfile::tempdir().expect("a directory");
    let script = directory.path().join("uvicorn.py");
    fs::write(&script, SCRIPT).expect("a script");
    let server = Running::start(Command::new("python3").arg(&script)).expect("python3");
    let begun = Instant::now();
    let worker: u32 = loop {
        let pid = fs::read_to_string(directory.path().join("uvicorn.py.pid"));
        if let Some(pid) = pid.ok().and_then(|pid| pid.parse().ok()) {
            break pid;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "no worker");
        thread::sleep(Duration::from_millis(20));
    };
    let mut seen = None;
    while begun.elapsed() < Duration::from_secs(30) {
        seen = read(worker);
        if seen.as_ref().is_some_and(|program| program.words == ["uvicorn"]) {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let command_line = fs::read_to_string(format!("/proc/{worker}/cmdline")).expect("the worker");
    // It ends with its parent, which cannot end it when it is killed itself.
    let _ = Command::new("kill").arg(worker.to_string()).status();
    drop(server);
    assert!(!command_line.contains("uvicorn"), "{command_line}");
    assert_eq!(seen.map(|program| program.words), Some(vec!["uvicorn".to_owned()]));
}

#[test]
fn a_node_program_is_known_by_its_executable() {
    let Some(node) = Running::start(Command::new("node").args(["-e", "setTimeout(() => {}, 100000)"])) else {
        println!("no node here: not tested");
        return;
    };
    let program = node.until(|program| program.runtime.as_deref() == Some("node"));
    assert_eq!(program.executable.as_deref(), Some("node"));
}

/// A JVM with this class path that does nothing; `None` where there is none.
fn jvm(directory: &Path, jar: &Path) -> Option<Running> {
    const SOURCE: &str =
        "class Main { public static void main(String[] a) throws Exception { Thread.sleep(100000); } }";
    let source = directory.join("Main.java");
    fs::write(&source, SOURCE).expect("a source");
    Running::start(Command::new("java").arg("-cp").arg(jar).arg(&source))
}

#[test]
fn a_jvm_is_known_by_its_jars() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("jetty-server-9.4.57.jar");
    jar(&path, &["a"]);
    let Some(java) = jvm(directory.path(), &path) else {
        println!("no java here: not tested");
        return;
    };
    assert_eq!(java.until(says("java")).words, ["jetty"]);
}

#[test]
fn a_jvm_is_known_by_the_jars_in_its_jar() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("application.jar");
    jar(
        &path,
        &["a", "BOOT-INF/lib/tomcat-embed-core-10.1.60.jar", "BOOT-INF/lib/httpclient5-5.3.jar", "b/"],
    );
    let Some(java) = jvm(directory.path(), &path) else {
        println!("no java here: not tested");
        return;
    };
    let program = java.until(says("java"));
    assert_eq!(program.words, ["tomcat", "httpclient5"]);
}

#[test]
fn a_program_of_no_runtime_is_its_executable() {
    let sleep = sleep();
    let program = sleep.until(|program| program.executable.as_deref() == Some("sleep"));
    assert_eq!((program.runtime, program.words), (None, Vec::new()));
}

#[test]
fn this_test_was_compiled_by_rustc() {
    let program = read(std::process::id()).expect("this process");
    assert_eq!(program.runtime.as_deref(), Some("rust"));
}

#[test]
fn a_process_is_read_once_and_again_when_it_may_have_changed() {
    let sleep = sleep();
    sleep.until(|program| program.executable.as_deref() == Some("sleep"));
    let mut programs = ProgramCache::default();
    let now = Instant::now();
    let first = programs.get(sleep.pid(), now).expect("sleep");
    for seconds in [0, 1, 2, 4] {
        let again = programs.get(sleep.pid(), now + Duration::from_secs(seconds)).expect("sleep");
        assert!(std::sync::Arc::ptr_eq(&first, &again), "after {seconds} s");
    }
    assert_eq!(programs.reads(), 1);
    assert_eq!(programs.get(sleep.pid(), now + Duration::from_secs(6)).as_deref(), Some(&*first));
    assert_eq!(programs.reads(), 2);
}

#[test]
fn what_a_process_was_is_known_after_its_end_and_a_stranger_is_not_asked_for_twice() {
    let running = sleep();
    running.until(|program| program.executable.as_deref() == Some("sleep"));
    let pid = running.pid();
    let mut programs = ProgramCache::default();
    let now = Instant::now();
    let before = programs.get(pid, now).expect("sleep");
    drop(running);
    let after = programs.get(pid, now + Duration::from_secs(20)).expect("what it was");
    assert!(std::sync::Arc::ptr_eq(&before, &after));
    let mut others = ProgramCache::default();
    for seconds in [0, 1, 29] {
        assert_eq!(others.get(pid, now + Duration::from_secs(seconds)), None);
    }
    assert_eq!(others.reads(), 1);
    assert_eq!(others.get(pid, now + Duration::from_secs(31)), None);
    assert_eq!(others.reads(), 2);
}

#[test]
fn a_kernel_thread_and_nonsense_are_nothing() {
    for pid in [0, u32::MAX, i32::MAX as u32] {
        assert_eq!(read(pid), None);
    }
    // kthreadd, where the host's processes are visible.
    if fs::read_to_string("/proc/2/comm").is_ok_and(|comm| comm.trim() == "kthreadd") {
        assert_eq!(read(2), None);
    }
}

#[test]
fn the_cache_forgets_what_was_not_used() {
    let own = std::process::id();
    let mut programs = ProgramCache::with_limit(8);
    let now = Instant::now();
    for pid in 0..20 {
        let now = now + Duration::from_millis(u64::from(pid));
        // No process has these numbers.
        assert_eq!(programs.get(u32::MAX - pid, now), None);
        assert!(programs.get(own, now).is_some());
    }
    assert_eq!(programs.evicted(), 13, "21 were seen and 8 are kept");
    assert_eq!(programs.reads(), 21, "what is used stays");
}
