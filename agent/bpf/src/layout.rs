//! Resolves what the probes need to know of the running kernel's structures.

use whohungup_ebpf::{
    ABSENT,
    offsets::{MEMBERS, Member, Need},
};

use super::btf::{Btf, BtfError};

/// The frozen table for the probes, in the order of [`MEMBERS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub offsets: Vec<u32>,
    /// Optional members that this kernel lacks, as `struct.member`.
    pub missing: Vec<String>,
    /// Whether `tcp_send_reset` tells a reason and fires for time-wait sockets, listeners and no
    /// socket at all (v6.10 on).
    pub reset_reason: bool,
    /// Whether programs may read a segment's headers outside the packet hooks: `lockdown=confidentiality` forbids it.
    pub reads_segments: bool,
    /// Names of `enum sk_rst_reason`, without the common prefix.
    pub reset_reasons: Vec<(u32, String)>,
}

#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    #[error(
        "kernel {release}: {reason} (needed as `{field}`); this kernel is not supported, please report its release and config"
    )]
    Missing { release: String, field: &'static str, reason: BtfError },
    #[error("kernel {release}: struct {structure} member {path} has {got} bytes, the probes read {want}")]
    Size { release: String, structure: &'static str, path: &'static str, got: u32, want: u32 },
}

impl Layout {
    /// Looks up every member in `btf`; `release` only names the kernel in errors.
    ///
    /// # Errors
    /// When a required member is missing or has another size than the probes read.
    pub fn resolve(btf: &Btf, release: &str) -> Result<Self, LayoutError> {
        let mut missing = Vec::new();
        let offsets = MEMBERS
            .iter()
            .map(|member| match find(btf, release, member) {
                Ok(offset) => Ok(offset),
                Err(_) if member.need == Need::Optional => {
                    missing.push(format!("{}.{}", member.structure, member.path));
                    Ok(ABSENT)
                }
                Err(error) => Err(error),
            })
            .collect::<Result<_, _>>()?;
        let reset_reasons = btf
            .enum_values("sk_rst_reason")
            .into_iter()
            .map(|(value, name)| (value, name.trim_start_matches("SK_RST_REASON_").to_owned()))
            .collect();
        let reset_reason = btf.tracepoint_arguments("tcp_send_reset") == Some(3);
        Ok(Self { offsets, missing, reset_reason, reads_segments: true, reset_reasons })
    }
}

fn find(btf: &Btf, release: &str, member: &Member) -> Result<u32, LayoutError> {
    let place = btf.place(member.structure, member.path).map_err(|reason| LayoutError::Missing {
        release: release.to_owned(),
        field: member.field,
        reason,
    })?;
    if place.size != member.size {
        return Err(LayoutError::Size {
            release: release.to_owned(),
            structure: member.structure,
            path: member.path,
            got: place.size,
            want: member.size,
        });
    }
    Ok(place.offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_a_required_member_is_refused_by_name() {
        // An empty but valid BTF: no types, one empty string.
        let mut empty = Vec::new();
        for word in [0x0001_eb9f_u32, 24, 0, 0, 0, 1] {
            empty.extend_from_slice(&word.to_ne_bytes());
        }
        empty.push(0);
        let btf = Btf::parse(empty).expect("parses");
        let error = Layout::resolve(&btf, "1.2.3").expect_err("must be refused").to_string();
        assert!(error.contains("1.2.3") && error.contains("tcp_sock"), "{error}");
    }

    #[test]
    fn the_running_kernel_has_all_required_members() {
        let Ok(btf) = Btf::from_file(super::super::btf::KERNEL_BTF) else {
            assert!(std::env::var_os("CI").is_none(), "no BTF in CI");
            eprintln!("skipped: this kernel has no BTF");
            return;
        };
        let layout = Layout::resolve(&btf, "running").expect("resolves");
        assert_eq!(layout.offsets.len(), MEMBERS.len());
    }
}
