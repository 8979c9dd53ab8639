//! Programs that run for as long as a test does.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const READY_WITHIN: Duration = Duration::from_mins(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A running program. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it with its output in a file of `directory`.
    pub(crate) fn start(name: &str, directory: &Path, command: &mut Command) -> Self {
        let log = directory.join(format!("{name}.log"));
        let output = File::create(&log).expect("create a log");
        let errors = output.try_clone().expect("share the log");
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let child = child.unwrap_or_else(|error| panic!("start {name}: {error}"));
        Self { name: name.to_owned(), child, log }
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).expect("read a log")).into_owned()
    }

    /// Waits until `ready` finds what it looks for; panics with the log when the program ends, or takes too long.
    pub(crate) fn wait_for<T>(&mut self, what: &str, ready: impl Fn(&str) -> Option<T>) -> T {
        let until = Instant::now() + READY_WITHIN;
        loop {
            if let Some(found) = ready(&self.log()) {
                return found;
            }
            let ended = self.child.try_wait().expect("look after it");
            let goes_on = ended.is_none() && Instant::now() < until;
            assert!(goes_on, "{} ({ended:?}) shows no {what}: {}", self.name, self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The address behind `before` in a line of its log.
    pub(crate) fn told_address(&mut self, before: &str) -> SocketAddr {
        self.wait_for("address", |log| {
            // A line that is being written has no end yet.
            let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let line = whole.lines().find_map(|line| line.strip_prefix(before))?;
            line.split('/').next()?.parse().ok()
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// What is at a URL with this query; `None` when nobody answers, or not with 200.
pub(crate) fn get(url: &str, query: &[(&str, &str)]) -> Option<Vec<u8>> {
    let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_WITHIN)).proxy(None).build();
    let mut answer =
        ureq::Agent::new_with_config(config).get(url).query_pairs(query.iter().copied()).call().ok()?;
    answer.body_mut().with_config().limit(64 << 20).read_to_vec().ok()
}
