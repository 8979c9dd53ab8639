//! What the suites have in common: what each is told, what it needs and what comes of it.

use std::{
    collections::BTreeMap,
    env, fmt,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::{
    catalogue::{self, Need},
    kit::Kit,
};

/// What every suite is told.
#[derive(Debug, Clone)]
pub struct Context {
    /// Under test.
    pub agent: PathBuf,
    /// Where installed software is, and what compilers keep.
    pub state: PathBuf,
    /// Set from outside: everything ends.
    pub stop: Arc<AtomicBool>,
}

impl Context {
    pub fn new(agent: PathBuf, state: PathBuf) -> Self {
        Self { agent, state, stop: Arc::default() }
    }

    pub(crate) fn kit(&self) -> Result<Kit> {
        Kit::new(self.state.clone())
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn ensure_not_stopped(&self) -> Result<()> {
        ensure!(!self.is_stopped(), "interrupted");
        Ok(())
    }
}

pub trait Suite {
    /// What it needs, whether it is installed or not.
    fn needs(&self) -> Vec<Need>;

    /// Plays everything while an agent watches, then compares.
    ///
    /// # Errors
    /// When the agent cannot be run, or in CI software is missing.
    fn run(&self, context: &Context) -> Result<Box<dyn Results>>;
}

/// What came of a suite, to be printed.
pub trait Results: fmt::Display {
    /// One object a line for each that was compared.
    ///
    /// # Errors
    /// When they cannot be written as JSON.
    fn json(&self) -> Result<String>;

    /// What is said besides.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    fn is_right(&self) -> bool;
}

pub(crate) fn json_lines<T: Serialize>(all: impl IntoIterator<Item = T>) -> Result<String> {
    all.into_iter().try_fold(String::new(), |text, one| Ok(text + &serde_json::to_string(&one)? + "\n"))
}

/// What a suite needs that is not installed.
///
/// # Errors
/// When the state directory cannot be made.
pub fn missing(suite: &dyn Suite, context: &Context) -> Result<Vec<Need>> {
    let mut missing = context.kit()?.missing(&suite.needs());
    missing.sort();
    missing.dedup();
    Ok(missing)
}

/// Why something cannot be played here.
///
/// # Errors
/// In CI, where nothing is left out.
pub(crate) fn absence(kit: &Kit, name: &str, needs: &[Need]) -> Result<Option<String>> {
    let missing = kit.missing(needs);
    if missing.is_empty() {
        return Ok(None);
    }
    let names: Vec<_> =
        missing.iter().map(|need| format!("{}: {}", need.manager(), need.package())).collect();
    let why = format!("not installed ({})", names.join(", "));
    ensure!(!is_ci(), "in CI nothing is left out: {name} {why}");
    Ok(Some(why))
}

/// A piece of software, and whether it was played.
#[derive(Debug, Clone)]
pub struct Software {
    pub name: &'static str,
    /// The version, or why it was not played.
    pub version: Result<String, String>,
    /// What a reader of the tables has to know of it.
    pub remarks: Vec<String>,
}

impl Software {
    /// `software`: its names in the catalogue; the first says the version.
    pub(crate) fn find(kit: &Kit, name: &'static str, software: &[String]) -> Result<Self> {
        let version = match absence(kit, name, &catalogue::needs(software))? {
            None => Ok(catalogue::version(kit, &software[0])?),
            Some(why) => Err(why),
        };
        Ok(Self { name, version, remarks: Vec::new() })
    }
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, remarks } = self;
        match version {
            Ok(version) if remarks.is_empty() => write!(f, "{name} {version}"),
            Ok(version) => write!(f, "{name} {version} ({})", remarks.join(", ")),
            Err(why) => write!(f, "{name} ({why})"),
        }
    }
}

/// Whether a name contains one of these words, or there are none.
pub(crate) fn is_chosen(only: &[String], name: &str) -> bool {
    let name = name.to_lowercase();
    only.is_empty() || only.iter().any(|word| name.contains(&word.to_lowercase()))
}

pub(crate) fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// The network namespace of the calling thread, by inode number; 0, which none has, when it cannot be read.
pub(crate) fn own_namespace() -> u64 {
    std::fs::metadata("/proc/thread-self/ns/net").map_or(0, |namespace| namespace.ino())
}

/// Waits until it is so; false when it does not come to that.
pub(crate) fn wait_until(within: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + within;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Does something with each, so many at a time. What came of them is in their order.
pub(crate) fn at_once<T: Send, R: Send, I: IntoIterator<Item = T>>(
    threads: usize,
    all: I,
    act: impl Fn(T) -> R + Sync,
) -> Vec<R>
where
    I::IntoIter: Send,
{
    let queue = Mutex::new((0_usize..).zip(all));
    let results = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some((number, one)) = next() {
                    let result = act(one);
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(number, result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}
