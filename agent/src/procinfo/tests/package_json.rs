//! Applications for Node.js as they lie on a disk.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::procinfo::read;

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is known to be needed by `node SCRIPT` in `directory`; `None` where there is no Node.
fn needed(directory: &Path, script: &str) -> Option<Vec<String>> {
    fs::create_dir_all(directory.join(script).parent()?).expect("a directory");
    fs::write(directory.join(script), "setTimeout(() => {}, 100000)").expect("a script");
    let mut command = Command::new("node");
    command.arg(script).current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null());
    let Ok(child) = command.spawn() else {
        println!("no node here: not tested");
        return None;
    };
    let running = Ended(child);
    let begun = Instant::now();
    loop {
        let program = read(running.0.id());
        if let Some(program) = program.filter(|program| program.runtime.as_deref() == Some("node")) {
            return Some(program.depends);
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "node does not start");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_application_needs_what_its_own_package_asks_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let package =
        r#"{"dependencies": {"left-pad": "1", "ali-oss": "^6.0.1"}, "devDependencies": {"axios": "1"}}"#;
    fs::write(directory.path().join("package.json"), package).expect("a package");
    for script in ["main.js", "source/deep/main.js", "node_modules/egg-cluster/lib/worker.js"] {
        let module = directory.path().join("node_modules/egg-cluster");
        fs::create_dir_all(&module).expect("a directory");
        fs::write(module.join("package.json"), r#"{"dependencies": {"undici": "7"}}"#).expect("a package");
        if let Some(found) = needed(directory.path(), script) {
            assert_eq!(found, ["ali-oss"], "{script}");
        }
    }
}

#[test]
fn what_is_no_package_is_passed_over_and_not_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let package = directory.path().join("package.json");
    for content in ["", "{", "[]", r#"{"dependencies": ["ali-oss"]}"#, r#"{"dependencies": {}}"#] {
        fs::write(&package, content).expect("a package");
        if let Some(found) = needed(directory.path(), "main.js") {
            assert_eq!(found, <[&str; 0]>::default(), "{content}");
        }
    }
    fs::remove_file(&package).expect("to remove a package");
    let made = Command::new("mkfifo").arg(&package).status().expect("mkfifo");
    assert!(made.success());
    if let Some(found) = needed(directory.path(), "main.js") {
        assert_eq!(found, <[&str; 0]>::default());
    }
}
