//! Whether the agent can be started here.

use whohungup::session::SessionOptions;
use whohungup_bpf::Probes;

pub(crate) fn can_observe() -> bool {
    harness::gate::can_observe(|| {
        Probes::load(SessionOptions::default().load).err().map(|error| error.to_string())
    })
}
