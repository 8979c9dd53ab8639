//! Loading the object: offsets frozen, maps sized, programs verified.

use std::io::Read as _;

use aya::{
    Btf as AyaBtf, Ebpf, EbpfLoader,
    programs::{BtfTracePoint, CgroupSkb, Iter, ProgramType},
    sys::{BpfHelper, is_helper_supported},
};

use super::{
    attach::{Attached, HTTP_PROGRAMS, lifecycle_programs},
    error::{NEEDED, ProbeError, is_denied},
    openssl,
};
use crate::{
    btf::{Btf, KERNEL_BTF},
    layout::Layout,
};

/// Names a BPF object to load instead of the one in this binary.
pub const OBJECT_VARIABLE: &str = "WHOHUNGUP_BPF_OBJECT";

/// The object as the build script packed it.
static BUILT_IN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/whohungup.bpf.o.gz"));

/// How much is observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// State changes and resets only; who spoke last tells what is in flight.
    Lifecycle,
    /// Also each payload segment, to read HTTP message heads.
    Http,
}

#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    pub tier: Tier,
    /// Size of the ring buffer: a power of two, at least a page.
    pub ring_bytes: u32,
    /// Also what programs read and write through OpenSSL; needs the HTTP tier.
    pub openssl: bool,
}

/// The loaded probes. Dropping it detaches and unloads everything.
#[derive(Debug)]
pub struct Probes {
    pub(super) ebpf: Ebpf,
    pub(super) attached: Attached,
    pub(super) openssl: openssl::Attached,
    pub(super) follows_openssl: bool,
    pub(super) tier: Tier,
    pub(super) layout: Layout,
    object: String,
}

impl Probes {
    /// Loads every program of the tier into the kernel; attaches nothing yet.
    ///
    /// # Errors
    /// When the kernel lacks something that is needed or privileges are missing; the message says what.
    pub fn load(options: LoadOptions) -> Result<Self, ProbeError> {
        if !options.ring_bytes.is_power_of_two() || options.ring_bytes < 4096 {
            return Err(ProbeError::RingBytes(options.ring_bytes));
        }
        if options.openssl && options.tier != Tier::Http {
            return Err(ProbeError::TlsWithoutHttp);
        }
        let layout = resolve(&Btf::from_file(KERNEL_BTF)?, &kernel_release())?;
        let (mut ebpf, kernel_btf, object) = open(&layout, options.ring_bytes, options.openssl)?;
        for (program, tracepoint) in lifecycle_programs(&layout) {
            tp_btf(&mut ebpf, program)?
                .load(tracepoint, &kernel_btf)
                .map_err(|error| ProbeError::load(program, error))?;
        }
        let retry_scan = (options.tier == Tier::Http).then_some(super::retry_scan::PROGRAM);
        for name in [super::socket_dump::PROGRAM].into_iter().chain(retry_scan) {
            let walker: &mut Iter = program(&mut ebpf, name)?;
            walker.load("tcp", &kernel_btf).map_err(|error| ProbeError::load(name, error))?;
        }
        if options.tier == Tier::Http {
            for &(name, _) in HTTP_PROGRAMS {
                let program: &mut CgroupSkb = program(&mut ebpf, name)?;
                program.load().map_err(|error| ProbeError::load(name, error))?;
            }
        }
        if options.openssl {
            openssl::load(&mut ebpf, &kernel_btf)?;
        }
        Ok(Self {
            ebpf,
            attached: Attached::default(),
            openssl: openssl::Attached::default(),
            follows_openssl: options.openssl,
            tier: options.tier,
            layout,
            object,
        })
    }

    /// What was resolved of the running kernel.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Where the programs came from, for people: a path, or "built in".
    pub fn object(&self) -> &str {
        &self.object
    }
}

/// Size of the ring buffer where nobody says otherwise.
pub const DEFAULT_RING_BYTES: u32 = 16 << 20;

/// TLS sessions that are followed at once, the least recently used given up first; about 1 KiB each.
const TLS_SESSIONS: u32 = 16_384;
/// Threads that are inside OpenSSL at once.
const TLS_CALLS: u32 = 65_536;

/// The layout of this kernel, and whether it lets programs read what no BTF type leads to.
pub(super) fn resolve(btf: &Btf, release: &str) -> Result<Layout, ProbeError> {
    let mut layout = Layout::resolve(btf, release)?;
    // Asked of another program type that has the same helpers: of tracing programs aya cannot ask.
    layout.reads_segments = !matches!(
        is_helper_supported(ProgramType::RawTracePoint, BpfHelper::BPF_FUNC_probe_read_kernel),
        Ok(false)
    );
    Ok(layout)
}

/// Opens the object and makes its maps; loads no program yet.
pub(super) fn open(
    layout: &Layout,
    ring_bytes: u32,
    openssl: bool,
) -> Result<(Ebpf, AyaBtf, String), ProbeError> {
    let (object, bytes) = object()?;
    let kernel_btf = AyaBtf::from_sys_fs()
        .map_err(|error| ProbeError::Object { path: KERNEL_BTF.to_owned(), source: error.into() })?;
    raise_memlock();
    let reset_reason = u32::from(layout.reset_reason);
    let may_read_kernel = u32::from(layout.reads_segments);
    let log_level = log_level();
    let (tls_plaintext, sessions, calls) = if openssl { (1u32, TLS_SESSIONS, TLS_CALLS) } else { (0, 1, 1) };
    let ebpf = EbpfLoader::new()
        .btf(Some(&kernel_btf))
        .override_global("OFFSETS", layout.offsets.as_slice(), true)
        .override_global("RESET_HAS_REASON", &reset_reason, true)
        .override_global("MAY_READ_KERNEL", &may_read_kernel, true)
        .override_global("AYA_LOG_LEVEL", &log_level, false)
        .override_global("TLS_PLAINTEXT_ENABLED", &tls_plaintext, true)
        .map_max_entries("EVENTS", ring_bytes)
        .map_max_entries("OPENSSL_CALLS", calls)
        .map_max_entries("TLS_SESSIONS", sessions)
        .map_max_entries("TLS_EXCHANGES", sessions)
        .load(&bytes)
        .map_err(|error| object_error(&object, error))?;
    Ok((ebpf, kernel_btf, object))
}

pub(super) fn tp_btf<'a>(
    ebpf: &'a mut Ebpf,
    name: &'static str,
) -> Result<&'a mut BtfTracePoint, ProbeError> {
    program(ebpf, name)
}

pub(super) fn program<'a, P>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut P, ProbeError>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program>,
{
    ebpf.program_mut(name).and_then(|program| program.try_into().ok()).ok_or(ProbeError::NoProgram(name))
}

fn object() -> Result<(String, Vec<u8>), ProbeError> {
    let Some(path) = std::env::var_os(OBJECT_VARIABLE) else {
        return Ok(("built in".to_owned(), built_in()?));
    };
    let shown = path.display().to_string();
    match std::fs::read(&path) {
        Ok(bytes) => Ok((shown, bytes)),
        Err(source) => Err(ProbeError::ReadObject { path: shown, source }),
    }
}

fn built_in() -> Result<Vec<u8>, ProbeError> {
    let mut object = Vec::new();
    let unpacked = flate2::read::GzDecoder::new(BUILT_IN).read_to_end(&mut object);
    unpacked.map_err(|source| ProbeError::ReadObject { path: "built in".to_owned(), source })?;
    Ok(object)
}

fn object_error(object: &str, error: aya::EbpfError) -> ProbeError {
    if is_denied(&error) {
        return ProbeError::Permission { needed: NEEDED };
    }
    ProbeError::Object { path: object.to_owned(), source: error.into() }
}

/// What the probes may log, as aya-log counts levels; what is off is dead code to the verifier.
fn log_level() -> u8 {
    if tracing::enabled!(tracing::Level::DEBUG) { 4 } else { 2 }
}

/// Before 5.11 BPF memory counted against RLIMIT_MEMLOCK; a failure shows up as a failed load.
fn raise_memlock() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    if let Err(error) = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None }) {
        tracing::debug!(%error, "RLIMIT_MEMLOCK stays as it is");
    }
}

/// The running kernel's release, as `uname -r` prints it.
pub fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::io;

    use aya::{EbpfError, maps::MapError};

    use super::*;

    fn refused(io_error: io::Error) -> ProbeError {
        let map = MapError::CreateError { name: "EVENTS (os error 1)".to_owned(), io_error };
        object_error("built in", EbpfError::MapError(map))
    }

    #[test]
    fn missing_privileges_are_known_by_the_error_and_not_by_its_text() {
        for errno in [libc::EPERM, libc::EACCES] {
            let error = refused(io::Error::from_raw_os_error(errno));
            assert!(matches!(error, ProbeError::Permission { .. }), "{error}");
        }
        let error = refused(io::Error::from_raw_os_error(libc::E2BIG));
        assert!(matches!(error, ProbeError::Object { .. }), "{error}");
    }
}
