//! A capture's connections, as `tshark` reads them.

use anyhow::{Result, bail};

use super::{capture::Captured, flow::Flow};
use crate::kit::Kit;

pub(super) fn flows(_kit: &Kit, _captured: &Captured) -> Result<Vec<Flow>> {
    bail!("not yet")
}
