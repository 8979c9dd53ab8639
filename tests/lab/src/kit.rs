//! What the cases share: programs, directories and addresses.

use std::{
    collections::BTreeMap,
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
};

use anyhow::{Context as _, Result};
use harness::port::is_free;
use tempfile::TempDir;

use crate::catalogue::{self, Need};

#[derive(Debug)]
pub(crate) struct Kit {
    state: PathBuf,
    scratch: TempDir,
    addresses: &'static AtomicU16,
    /// What was compiled, by name.
    compiled: Mutex<BTreeMap<String, PathBuf>>,
}

/// How many addresses this process has given out, by whichever kit.
static ADDRESSES: AtomicU16 = AtomicU16::new(0);

impl Kit {
    /// `state` holds what is kept from run to run: the virtual environment and compiled programs.
    pub(crate) fn new(state: PathBuf) -> Result<Self> {
        fs::create_dir_all(&state).with_context(|| format!("create {}", state.display()))?;
        let scratch = tempfile::tempdir().context("create a temporary directory")?;
        open_to_all(scratch.path())?;
        Ok(Self { state, scratch, addresses: &ADDRESSES, compiled: Mutex::default() })
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    pub(crate) fn missing(&self, needs: &[Need]) -> Vec<Need> {
        needs.iter().copied().filter(|need| !self.has(*need)).collect()
    }

    fn has(&self, need: Need) -> bool {
        match need {
            Need::Apt { program, .. } => self.find(program).is_some(),
            Need::AptFile { file, .. } => Path::new(file).is_file(),
            Need::Pypi(name) => {
                catalogue::pypi(name).is_some_and(|version| self.has_distribution(name, version))
            }
            Need::Npm(name) => {
                let told = catalogue::npm(name);
                let wanted = told.as_deref().and_then(|told| told.rsplit('@').next());
                wanted.is_some() && self.module_version(name).ok().as_deref() == wanted
            }
            Need::Crate(program) => {
                let built = fs::read_to_string(self.state.join("rust/built")).unwrap_or_default();
                built == catalogue::rust_programs() && self.rust_programs().join(program).is_file()
            }
        }
    }

    /// Where npm's packages are.
    pub(crate) fn modules(&self) -> PathBuf {
        self.state.join("npm/node_modules")
    }

    pub(crate) fn module(&self, name: &str) -> PathBuf {
        self.modules().join(name)
    }

    /// What npm's package says of its version.
    pub(crate) fn module_version(&self, package: &str) -> Result<String> {
        let path = self.module(package).join("package.json");
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let described: serde_json::Value =
            serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
        let version = described["version"].as_str();
        let version = version.with_context(|| format!("find a version in {}", path.display()))?;
        // Node's own say it with a letter.
        Ok(version.trim_start_matches('v').to_owned())
    }

    /// Where the programs of programs/rust are when they are compiled.
    pub(crate) fn rust_programs(&self) -> PathBuf {
        self.state.join("rust/debug")
    }

    fn has_distribution(&self, name: &str, version: &str) -> bool {
        let wanted = format!("{}-{version}.dist-info", name.replace('-', "_"));
        let libraries = fs::read_dir(self.state.join("venv/lib")).into_iter().flatten().flatten();
        libraries
            .filter_map(|python| fs::read_dir(python.path().join("site-packages")).ok())
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .any(|found| found.eq_ignore_ascii_case(&wanted))
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let own = [self.state.join("venv/bin")];
        own.into_iter()
            .chain(env::split_paths(&path))
            .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
            .map(|directory| directory.join(program))
            .find(|file| file.is_file())
    }

    /// A command for a program that was found present; the lab's own copies come first.
    pub(crate) fn command(&self, program: &str) -> Command {
        Command::new(self.find(program).unwrap_or_else(|| PathBuf::from(program)))
    }

    /// A new directory, removed with the kit.
    pub(crate) fn directory(&self) -> Result<PathBuf> {
        let directory = tempfile::Builder::new()
            .tempdir_in(self.scratch.path())
            .context("create a temporary directory")?
            .keep();
        open_to_all(&directory)?;
        Ok(directory)
    }

    /// The expression of pcap-filter(7) for all connections to addresses that are given out.
    pub(crate) fn filter() -> String {
        format!("tcp and net 127.{}.0.0/16", own_net())
    }

    /// Compiles a program once, however many plays at once want it, and one after another.
    ///
    /// # Errors
    /// When it cannot be compiled.
    pub(crate) fn once(&self, name: &str, compile: impl FnOnce() -> Result<PathBuf>) -> Result<PathBuf> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = compiled.get(name) {
            return Ok(path.clone());
        }
        let path = compile()?;
        compiled.insert(name.to_owned(), path.clone());
        Ok(path)
    }

    /// An address at which nothing listens, on a loopback address that nothing else uses and below the
    /// ports that the kernel gives out.
    pub(crate) fn free_address(&self) -> Result<SocketAddr> {
        let number = self.addresses.fetch_add(1, Ordering::Relaxed);
        // Two labs at once do not meet: neither on the wire, nor in a report, which tells endpoints by their ports.
        let net = own_net();
        let first = 12_000 + 250 * u16::from(net - FIRST_NET);
        let host = Ipv4Addr::new(127, net, 1 + (number / 250) as u8, 1 + (number % 250) as u8);
        let port = (first + number % 4000..32_000).find(|port| is_free((host, *port).into()));
        Ok((host, port.with_context(|| format!("find a free port at {host}"))?).into())
    }
}

const FIRST_NET: u8 = 105;

/// The second byte of the addresses that are given out. Two labs at once do not meet.
fn own_net() -> u8 {
    FIRST_NET + (std::process::id() % 64) as u8
}

/// Some servers will not serve as root, and write beside their configuration what comes in.
fn open_to_all(directory: &Path) -> Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o777)).context("open a directory to all")
}

/// The first word with a digit of what a program prints about itself.
pub(crate) fn version(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("run {}", command.get_program().display()))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let is_version = |word: &&str| word.contains('.') && word.contains(|c: char| c.is_ascii_digit());
    let word = text.split(|c: char| c.is_whitespace() || c == '/').find(is_version);
    let word = word.with_context(|| format!("find a version in {text:?}"))?;
    let number = word.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = number.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(number.len());
    Ok(number[..end].to_owned())
}
