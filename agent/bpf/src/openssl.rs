//! Attaching to OpenSSL, library by library as they are found. Everything here is only done when asked for.

mod find;
mod place;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use aya::{
    Btf, Ebpf,
    maps::HashMap,
    programs::{
        ProgramError, UProbe,
        uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeError, UProbeLinkId, UProbeScope},
    },
};
use whohungup_ebpf::tls_plaintext::call;

pub use self::find::libraries;
use self::{
    find::FileId,
    place::{Library, PAIRS, Place},
};
use super::{
    error::{ProbeError, one_line},
    load::{Probes, program, tp_btf},
};

/// Libraries that are attached at once; each takes about 30 file descriptors.
const MAX_LIBRARIES: usize = 64;
/// A library that no process has used before is found this late at most.
const SCAN_INTERVAL: Duration = Duration::from_secs(5);

pub(super) const ENTER: &str = "openssl_enter";
pub(super) const LEAVE: &str = "openssl_leave";
/// Program and the tracepoint that it hangs on.
pub(super) const TRACEPOINTS: &[(&str, &str)] =
    &[("openssl_exit", "sched_process_exit"), ("openssl_link", "tcp_rcv_space_adjust")];

/// A function of libssl.
struct Point {
    program: &'static str,
    symbol: &'static str,
    kind: u64,
    /// Not all versions have it.
    optional: bool,
}

const fn point(program: &'static str, symbol: &'static str, kind: u64) -> Point {
    Point { program, symbol, kind, optional: false }
}

/// In this order: only a handshake links a session to a socket, so what carries its data is attached before that.
const POINTS: &[Point] = &[
    point(LEAVE, "SSL_read", call::READ),
    point(LEAVE, "SSL_write", call::WRITE),
    point(LEAVE, "SSL_read_ex", call::READ_EX),
    point(LEAVE, "SSL_write_ex", call::WRITE_EX),
    point(LEAVE, "SSL_do_handshake", call::HANDSHAKE),
    point(ENTER, "SSL_free", call::FREE),
    point(ENTER, "SSL_clear", call::FREE),
    Point { optional: true, ..point(ENTER, "SSL_sendfile", call::UNSEEN) },
    Point { optional: true, ..point(ENTER, "SSL_write_early_data", call::UNSEEN) },
    point(ENTER, "SSL_read", call::READ),
    point(ENTER, "SSL_write", call::WRITE),
    point(ENTER, "SSL_read_ex", call::READ_EX),
    point(ENTER, "SSL_write_ex", call::WRITE_EX),
    point(ENTER, "SSL_do_handshake", call::HANDSHAKE),
];

/// What is attached now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsLibraries {
    pub attached: usize,
    /// Libraries that could not be attached, since the start.
    pub failed: u64,
    /// Libraries in use beyond the number that is attached at once, when last looked.
    pub beyond: usize,
}

#[derive(Debug, Default)]
pub(super) struct Attached {
    by_file: BTreeMap<FileId, Vec<(&'static str, UProbeLinkId)>>,
    failed: BTreeSet<FileId>,
    totals: TlsLibraries,
}

/// What the scanner last found.
pub type Found = BTreeMap<FileId, PathBuf>;

/// Looks for libraries now and again, on a thread of its own: reading every process's mappings takes long where there
/// are many. It ends when nobody listens any more.
///
/// # Errors
/// When there is no thread to be had.
pub fn scan() -> std::io::Result<Receiver<Found>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().name("libraries".to_owned()).spawn(move || {
        loop {
            thread::sleep(SCAN_INTERVAL);
            if sender.send(libraries()).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// Loads the programs.
pub(super) fn load(ebpf: &mut Ebpf, btf: &Btf) -> Result<(), ProbeError> {
    if !cfg!(target_arch = "x86_64") {
        return Err(ProbeError::TlsArchitecture);
    }
    for name in [ENTER, LEAVE] {
        program::<UProbe>(ebpf, name)?.load().map_err(|error| ProbeError::load(name, error))?;
    }
    for &(name, tracepoint) in TRACEPOINTS {
        tp_btf(ebpf, name)?.load(tracepoint, btf).map_err(|error| ProbeError::load(name, error))?;
    }
    raise_open_files();
    Ok(())
}

fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!(%error, "RLIMIT_NOFILE stays as it is");
    }
}

/// Attaches to all of one library, or to nothing.
pub(super) fn attach_library(
    ebpf: &mut Ebpf,
    path: &Path,
) -> Result<Vec<(&'static str, UProbeLinkId)>, ProbeError> {
    let mut links = Vec::with_capacity(POINTS.len());
    let library = Library::open(path);
    let mut taken = BTreeSet::new();
    for &Point { program: name, symbol, kind, optional } in POINTS {
        let (place, kind) = library.as_ref().map_or((None, kind), |library| where_to(library, symbol, kind));
        if place.is_some_and(|place| !taken.insert((name, place.offset))) {
            // Another function is carried out with the same.
            continue;
        }
        let location = place.map_or(UProbeAttachLocation::Symbol(symbol), |place| {
            UProbeAttachLocation::AbsoluteOffset(place.offset)
        });
        let point = UProbeAttachPoint { location, cookie: Some(kind) };
        match program::<UProbe>(ebpf, name)?.attach(point, path, UProbeScope::AllProcesses) {
            Ok(link) => links.push((name, link)),
            Err(ProgramError::UProbeError(UProbeError::SymbolError { .. })) if optional => {}
            Err(error) => {
                detach_library(ebpf, links)?;
                return Err(ProbeError::attach(name, error));
            }
        }
    }
    Ok(links)
}

/// Where to probe the function `symbol`, and what is called there.
fn where_to(library: &Library, symbol: &str, kind: u64) -> (Option<Place>, u64) {
    let pair = PAIRS.iter().find(|pair| [pair.plain, pair.ex].contains(&symbol));
    match pair.and_then(|pair| library.shared(pair)) {
        Some(place) if matches!(kind, call::READ | call::READ_EX) => (Some(place), call::READ_EX),
        Some(place) => (Some(place), call::WRITE_EX),
        None => (library.entry(symbol), kind),
    }
}

/// Of the functions that every message goes through, those at which a probe is dear, because the kernel does not carry
/// out itself the instruction that it lies on.
pub(super) fn dear_functions(path: &Path) -> Vec<&'static str> {
    let Some(library) = Library::open(path) else { return Vec::new() };
    let functions = PAIRS.iter().filter(|pair| library.shared(pair).is_none()).map(|pair| pair.plain);
    functions.filter(|symbol| library.entry(symbol).is_some_and(|place| !place.is_cheap)).collect()
}

/// Handshakes first, so that no session is followed in half.
pub(super) fn detach_library(
    ebpf: &mut Ebpf,
    links: Vec<(&'static str, UProbeLinkId)>,
) -> Result<(), ProbeError> {
    for (name, link) in links.into_iter().rev() {
        program::<UProbe>(ebpf, name)?.detach(link).map_err(|error| ProbeError::attach(name, error))?;
    }
    Ok(())
}

impl Probes {
    /// Attaches to the libraries of `found` that are new, and lets go of those that are no more in use.
    ///
    /// # Errors
    /// When a link does not let go; a library that cannot be attached is counted and left alone.
    pub fn follow_libraries(&mut self, found: &Found) -> Result<(), ProbeError> {
        if self.attached.openssl.is_empty() && !found.is_empty() {
            return Ok(());
        }
        let Self { ebpf, openssl, .. } = self;
        let gone: Vec<FileId> =
            openssl.by_file.keys().filter(|file| !found.contains_key(file)).copied().collect();
        for file in gone {
            detach_library(ebpf, openssl.by_file.remove(&file).unwrap_or_default())?;
        }
        openssl.failed.retain(|file| found.contains_key(file));
        openssl.totals.beyond = 0;
        for (file, path) in found {
            if openssl.by_file.contains_key(file) || openssl.failed.contains(file) {
                continue;
            }
            if openssl.by_file.len() >= MAX_LIBRARIES {
                openssl.totals.beyond += 1;
                continue;
            }
            match attach_library(ebpf, path) {
                Ok(links) => {
                    tracing::debug!(path = %path.display(), "attached to OpenSSL");
                    openssl.by_file.insert(*file, links);
                }
                Err(error) => {
                    tracing::warn!(path = %path.display(), error = one_line(&error), "what goes through this library is not read");
                    openssl.failed.insert(*file);
                    openssl.totals.failed += 1;
                }
            }
        }
        openssl.totals.attached = openssl.by_file.len();
        Ok(())
    }

    /// Forgets which session goes over which socket: what passed while nothing was attached was not seen.
    pub(super) fn forget_sessions(&mut self) -> Result<(), ProbeError> {
        const NAME: &str = "TLS_SESSIONS";
        let map = self.ebpf.map_mut(NAME).ok_or(ProbeError::NoMap(NAME))?;
        let mut links: HashMap<_, [u64; 2], [u64; 2]> =
            map.try_into().map_err(|error| ProbeError::map(NAME, error))?;
        let sessions: Vec<[u64; 2]> = links.keys().flatten().collect();
        for session in sessions {
            // Fails only when it is gone already.
            let _gone = links.remove(&session);
        }
        Ok(())
    }

    /// Lets go of every library.
    ///
    /// # Errors
    /// When a link does not let go.
    pub fn leave_libraries(&mut self) -> Result<(), ProbeError> {
        self.follow_libraries(&Found::new())
    }

    pub fn tls_libraries(&self) -> TlsLibraries {
        self.openssl.totals
    }
}
