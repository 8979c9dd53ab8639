//! Attaching and detaching, tier by tier.

use aya::programs::{
    BtfTracePoint, CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, cgroup_skb::CgroupSkbLinkId,
    tp_btf::BtfTracePointLinkId,
};

use super::{
    cgroup::{CgroupRoot, find_root},
    error::ProbeError,
    load::{Probes, Tier, program, tp_btf},
    openssl,
};
use crate::layout::Layout;

/// Program and the tracepoint that it hangs on.
pub(super) const LIFECYCLE_PROGRAMS: &[(&str, &str)] = &[
    ("state_changed", "inet_sock_set_state"),
    ("reset_sent", "tcp_send_reset"),
    ("reset_received", "tcp_receive_reset"),
    ("error_reported", "inet_sk_error_report"),
    ("signal_sent", "signal_generate"),
];

/// Stands in, before Linux 6.10, for the resets that `tcp_send_reset` does not tell of.
pub(super) const DROP_PROGRAM: (&str, &str) = ("segment_dropped", "kfree_skb");

/// The lifecycle programs that this kernel needs.
pub(super) fn lifecycle_programs(layout: &Layout) -> impl Iterator<Item = (&'static str, &'static str)> {
    LIFECYCLE_PROGRAMS.iter().copied().chain(stand_in(layout))
}

/// The one that only some kernels need. It lives on what lockdown forbids to read.
pub(super) fn stand_in(layout: &Layout) -> Option<(&'static str, &'static str)> {
    (!layout.reset_reason && layout.reads_segments).then_some(DROP_PROGRAM)
}

/// Program and the direction that it sees.
pub(super) const HTTP_PROGRAMS: &[(&str, &str)] = &[("http_in", "ingress"), ("http_out", "egress")];

#[derive(Debug, Default)]
pub(super) struct Attached {
    lifecycle: Vec<(&'static str, BtfTracePointLinkId)>,
    http: Vec<(&'static str, CgroupSkbLinkId)>,
    pub(super) openssl: Vec<(&'static str, BtfTracePointLinkId)>,
    cgroup: Option<CgroupRoot>,
}

impl Probes {
    /// Attaches what the tier has.
    ///
    /// # Errors
    /// When the kernel refuses a link or there is no cgroup2.
    pub fn attach(&mut self) -> Result<(), ProbeError> {
        self.attach_lifecycle()?;
        if self.has_http() {
            self.attach_http()?;
        }
        if self.follows_openssl {
            self.attach_openssl()?;
        }
        Ok(())
    }

    /// Attaches the tracepoints.
    ///
    /// # Errors
    /// As [`Probes::attach`].
    pub fn attach_lifecycle(&mut self) -> Result<(), ProbeError> {
        for (name, _) in lifecycle_programs(&self.layout) {
            let link =
                tp_btf(&mut self.ebpf, name)?.attach().map_err(|error| ProbeError::attach(name, error))?;
            self.attached.lifecycle.push((name, link));
        }
        Ok(())
    }

    /// The tier says that messages are to be read.
    pub fn has_http(&self) -> bool {
        self.tier == Tier::Http
    }

    /// The tier says that messages are to be read, and nothing reads them.
    pub fn lacks_http(&self) -> bool {
        self.has_http() && self.attached.http.is_empty()
    }

    /// The HTTP tier is attached below the host's root of cgroup2, and sees the connections there alone.
    pub fn is_http_partial(&self) -> bool {
        self.attached.cgroup.as_ref().is_some_and(|root| root.is_partial)
    }

    /// Attaches the HTTP tier at the root of cgroup2.
    ///
    /// # Errors
    /// As [`Probes::attach`].
    pub fn attach_http(&mut self) -> Result<(), ProbeError> {
        let root = match self.attached.cgroup.take() {
            Some(root) => root,
            None => find_root()?,
        };
        for &(name, direction) in HTTP_PROGRAMS {
            let direction = match direction {
                "ingress" => CgroupSkbAttachType::Ingress,
                _ => CgroupSkbAttachType::Egress,
            };
            let program: &mut CgroupSkb = program(&mut self.ebpf, name)?;
            // A link is always one of many; asking for AllowMultiple is EINVAL (kernel/bpf/cgroup.c, v6.12).
            let link = program
                .attach(&root.file, direction, CgroupAttachMode::Single)
                .map_err(|error| ProbeError::attach(name, error))?;
            self.attached.http.push((name, link));
        }
        self.attached.cgroup = Some(root);
        Ok(())
    }

    /// Attaches to the OpenSSL libraries that are in use, and to what links their sessions to sockets.
    ///
    /// # Errors
    /// As [`Probes::attach`]; a library that cannot be attached is no error.
    pub fn attach_openssl(&mut self) -> Result<(), ProbeError> {
        for &(name, _) in openssl::TRACEPOINTS {
            let link =
                tp_btf(&mut self.ebpf, name)?.attach().map_err(|error| ProbeError::attach(name, error))?;
            self.attached.openssl.push((name, link));
        }
        self.follow_libraries(&openssl::libraries())
    }

    /// Detaches everything; the programs stay loaded.
    ///
    /// # Errors
    /// When a link does not let go.
    pub fn detach(&mut self) -> Result<(), ProbeError> {
        self.detach_openssl()?;
        self.detach_http()?;
        for (name, link) in std::mem::take(&mut self.attached.lifecycle) {
            let program: &mut BtfTracePoint = tp_btf(&mut self.ebpf, name)?;
            program.detach(link).map_err(|error| ProbeError::attach(name, error))?;
        }
        Ok(())
    }

    /// Lets go of OpenSSL and leaves the other tiers on.
    ///
    /// # Errors
    /// When a link does not let go.
    pub fn detach_openssl(&mut self) -> Result<(), ProbeError> {
        for (name, link) in std::mem::take(&mut self.attached.openssl) {
            tp_btf(&mut self.ebpf, name)?.detach(link).map_err(|error| ProbeError::attach(name, error))?;
        }
        self.leave_libraries()?;
        self.forget_sessions()
    }

    /// Detaches the HTTP tier and leaves the lifecycle tier on: the place where an overhead budget acts.
    ///
    /// # Errors
    /// When a link does not let go.
    pub fn detach_http(&mut self) -> Result<(), ProbeError> {
        for (name, link) in std::mem::take(&mut self.attached.http) {
            let program: &mut CgroupSkb = program(&mut self.ebpf, name)?;
            program.detach(link).map_err(|error| ProbeError::attach(name, error))?;
        }
        Ok(())
    }
}
