//! What the daemon gives up once its probes are attached. Capabilities belong to threads: each gives up its own, and hands
//! what is left to those that it starts.

use caps::{CapSet, Capability, CapsHashSet};

/// Needed to load and to attach, and by nothing after that while no uprobes follow.
const TO_ATTACH: [Capability; 3] = [Capability::CAP_BPF, Capability::CAP_PERFMON, Capability::CAP_NET_ADMIN];

/// What the observer goes on to need: it enters network namespaces that are new (setns) and turns on run-time statistics,
/// reads links in /proc/PID/fd and /proc/PID/ns, and lists /proc/PID/fd.
const TO_OBSERVE: [Capability; 3] =
    [Capability::CAP_SYS_ADMIN, Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH];

/// Whoever answers may have to read a certificate or a record of somebody else's.
pub(crate) const TO_ANSWER: [Capability; 1] = [Capability::CAP_DAC_READ_SEARCH];

/// Whoever writes the record may write into a directory of somebody else's.
pub(crate) const TO_WRITE: [Capability; 1] = [Capability::CAP_DAC_OVERRIDE];

/// When the observer gives up what it needs no longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Privileges {
    /// Never: whoever started it has them anyway.
    #[default]
    Kept,
    /// Once the probes are attached.
    Dropped,
}

/// Keeps of the calling thread's capabilities those of `wanted` that it has, and nothing else.
pub(crate) fn keep(wanted: &[Capability]) {
    if let Err(error) = try_keep(wanted) {
        tracing::warn!(%error, "capabilities that are not needed were not given up");
    }
}

fn try_keep(wanted: &[Capability]) -> Result<(), caps::errors::CapsError> {
    let kept: CapsHashSet = caps::read(None, CapSet::Permitted)?
        .into_iter()
        .filter(|capability| wanted.contains(capability))
        .collect();
    // As long as it may: CAP_SETPCAP is given up below.
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for capability in caps::read(None, CapSet::Bounding)?.difference(&kept) {
            caps::drop(None, CapSet::Bounding, *capability)?;
        }
    }
    // What it starts has none.
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)
}

/// Does `work` without what is needed to attach only, and gives that up for good if it succeeds. On a kernel where it does
/// not, the work is done with everything, and everything is kept.
///
/// # Errors
/// When `work` fails with everything.
pub(crate) fn give_up_after<T, E: std::fmt::Display>(
    attaches_later: bool,
    mut work: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let kept = |capability: &Capability| {
        TO_OBSERVE.contains(capability) || (attaches_later && TO_ATTACH.contains(capability))
    };
    let Ok(all) = caps::read(None, CapSet::Effective) else { return work() };
    let rest: CapsHashSet = all.iter().copied().filter(kept).collect();
    if caps::set(None, CapSet::Effective, &rest).is_err() {
        return work();
    }
    match work() {
        Ok(done) => {
            keep(&rest.into_iter().collect::<Vec<_>>());
            Ok(done)
        }
        Err(error) => {
            tracing::warn!(%error, "this kernel asks for all capabilities after attaching: none are given up");
            drop(caps::set(None, CapSet::Effective, &all));
            work()
        }
    }
}
