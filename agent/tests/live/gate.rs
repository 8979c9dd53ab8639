//! What the live tests need, and a machine may lack.

use std::sync::OnceLock;

use harness::gate::skip;
use whohungup::session::SessionOptions;
use whohungup_bpf::{ProbeError, Probes};

/// Returns from the test where probes cannot be loaded, or one of these programs is missing; in CI that is a failure.
macro_rules! require {
    ($($program:literal),*) => {
        if !crate::gate::can_observe() || $(harness::gate::program($program).is_none() ||)* false {
            return;
        }
    };
}
pub(crate) use require;

/// Clocks of the tests are compared with clocks of the kernel: what else the machine does should not come between. Holds
/// for the calling thread and for all that it starts.
const PRIORITY: i32 = -15;

/// Whether the probes can be loaded here. Says why not; in CI it panics instead.
pub(crate) fn can_observe() -> bool {
    static REFUSAL: OnceLock<Option<String>> = OnceLock::new();
    // Not everybody who may load probes may do this.
    let _refused = rustix::process::setpriority_process(None, PRIORITY);
    let refusal = REFUSAL.get_or_init(|| {
        if !rustix::process::geteuid().is_root() {
            return Some("not root, and only root may load probes".to_owned());
        }
        match Probes::load(SessionOptions::default().load) {
            Ok(_) => None,
            Err(
                error @ (ProbeError::Permission { .. } | ProbeError::Btf(_) | ProbeError::NoCgroup { .. }),
            ) => Some(error.to_string()),
            Err(error) => panic!("the probes do not load: {error:?}"),
        }
    });
    refusal.as_ref().is_none_or(|why| skip(why))
}
