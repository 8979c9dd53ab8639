//! Fewer connections read, or none, and all of them again: where the overhead budget acts.

use std::collections::BTreeMap;

use whohungup_bpf::ProbeError;
use whohungup_core::connection::BUCKETS;

use super::Session;
use crate::clock::monotonic_ns;

impl Session {
    /// Not every connection is read.
    pub fn leaves_out(&self) -> bool {
        self.is_paused || !self.left_out.is_empty()
    }

    /// The probes were let go of, to be attached again.
    pub fn has_paused_http(&self) -> bool {
        self.is_paused
    }

    /// Of each port's connections so many of 256 buckets are not read.
    pub fn left_out(&self) -> &BTreeMap<u16, u8> {
        &self.left_out
    }

    /// Which share of each port's connections is read; of other ports all are, unless nothing is.
    pub fn http_coverage(&self) -> Vec<(u16, f64)> {
        let read = |left_out| if self.is_paused { 0.0 } else { share_read(left_out) };
        self.left_out.iter().map(|(&port, &left_out)| (port, read(left_out))).collect()
    }

    /// From now on so many of 256 buckets of each port's connections are not read.
    ///
    /// # Errors
    /// When the probes cannot be told.
    pub fn leave_out(&mut self, left_out: &BTreeMap<u16, u8>) -> Result<(), ProbeError> {
        let ports: Vec<u16> = self.left_out.keys().chain(left_out.keys()).copied().collect();
        let of = |shares: &BTreeMap<u16, u8>, port: u16| u16::from(shares.get(&port).copied().unwrap_or(0));
        let coverage = self.tracker.coverage_mut();
        let before_ns = monotonic_ns();
        for &port in &ports {
            coverage.set_port(before_ns, port, of(&self.left_out, port).max(of(left_out, port)));
        }
        self.probes.leave_out(&self.left_out, left_out)?;
        let after_ns = monotonic_ns();
        for &port in &ports {
            coverage.set_port(after_ns, port, of(left_out, port));
        }
        self.left_out.clone_from(left_out);
        Ok(())
    }

    /// Reads nothing any more. On a kernel that would not let it attach again everything stays as it is.
    ///
    /// # Errors
    /// When it could not be attached again, or a link does not let go.
    pub fn detach_http(&mut self) -> Result<(), ProbeError> {
        // Capabilities have been given up since: a second pair of links proves that this one can be had again. What both
        // see of a segment is one segment, by its sequence number.
        self.probes.attach_http()?;
        self.tracker.coverage_mut().set_all(monotonic_ns(), BUCKETS);
        self.probes.detach_http()?;
        self.is_paused = true;
        Ok(())
    }

    /// Reads again what was let go of.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn attach_http(&mut self) -> Result<(), ProbeError> {
        self.probes.attach_http()?;
        self.tracker.coverage_mut().set_all(monotonic_ns(), 0);
        self.is_paused = false;
        Ok(())
    }
}

/// Of a port of which so many buckets are left out.
pub fn share_read(left_out: u8) -> f64 {
    1.0 - f64::from(left_out) / f64::from(BUCKETS)
}
