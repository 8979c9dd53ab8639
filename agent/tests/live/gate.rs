//! What the live tests need, and a machine may lack.

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

/// Says why the probes cannot be loaded here; in CI it panics instead.
pub(crate) fn can_observe() -> bool {
    harness::gate::can_observe(|| match Probes::load(SessionOptions::default().load) {
        Ok(_) => None,
        Err(error @ (ProbeError::Permission { .. } | ProbeError::Btf(_) | ProbeError::NoCgroup { .. })) => {
            Some(error.to_string())
        }
        Err(error) => panic!("the probes do not load: {error:?}"),
    })
}
