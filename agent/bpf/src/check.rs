//! What this kernel and these privileges allow, found by trying.

use aya::{
    Btf as AyaBtf, Ebpf,
    programs::{CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, Iter},
};

use super::{
    attach::{HTTP_PROGRAMS, lifecycle_programs},
    cgroup::find_root,
    error::{ProbeError, one_line},
    load::{self, program, tp_btf},
    namespaces::{self, Namespaces},
    openssl, socket_dump,
};
use crate::{
    btf::{Btf, KERNEL_BTF},
    layout::Layout,
};

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Works,
    /// `run` works without it, and sees less.
    Degraded,
    /// `run` would not start.
    Missing,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub hook: String,
    pub standing: Standing,
    /// What it gives, or what is wrong and how to mend it.
    pub detail: String,
}

/// Tries everything that `run` needs, in the order in which it needs it.
pub fn check() -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(layout) = check_layout(&mut found) else { return found };
    let Some((mut ebpf, btf)) = check_object(&mut found, &layout) else { return found };
    check_lifecycle(&mut found, &mut ebpf, &btf, &layout);
    check_http(&mut found, &mut ebpf);
    check_openssl(&mut found, &mut ebpf, &btf);
    check_namespaces(&mut found);
    check_statistics(&mut found);
    found
}

fn works(hook: impl Into<String>, detail: impl Into<String>) -> Finding {
    Finding { hook: hook.into(), standing: Standing::Works, detail: detail.into() }
}

fn missing(hook: impl Into<String>, error: &ProbeError) -> Finding {
    Finding { hook: hook.into(), standing: Standing::Missing, detail: one_line(error) }
}

fn degraded(hook: impl Into<String>, detail: impl Into<String>) -> Finding {
    Finding { hook: hook.into(), standing: Standing::Degraded, detail: detail.into() }
}

fn check_layout(found: &mut Vec<Finding>) -> Option<Layout> {
    let release = load::kernel_release();
    let btf = match Btf::from_file(KERNEL_BTF) {
        Ok(btf) => btf,
        Err(error) => {
            found.push(missing("kernel BTF", &error.into()));
            return None;
        }
    };
    found.push(works("kernel BTF", format!("kernel {release}")));
    match load::resolve(&btf, &release) {
        Ok(layout) if layout.missing.is_empty() => {
            found.push(works("structure members", format!("{} found", layout.offsets.len())));
            Some(layout)
        }
        Ok(layout) => {
            found.push(degraded("structure members", format!("without {}", layout.missing.join(", "))));
            Some(layout)
        }
        Err(error) => {
            found.push(missing("structure members", &error));
            None
        }
    }
}

fn check_object(found: &mut Vec<Finding>, layout: &Layout) -> Option<(Ebpf, AyaBtf)> {
    match load::open(layout, load::DEFAULT_RING_BYTES, true) {
        Ok((ebpf, btf, object)) => {
            found.push(works("BPF maps", format!("object: {object}")));
            Some((ebpf, btf))
        }
        Err(error) => {
            found.push(missing("BPF maps", &error));
            None
        }
    }
}

fn check_lifecycle(found: &mut Vec<Finding>, ebpf: &mut Ebpf, btf: &AyaBtf, layout: &Layout) {
    for (name, tracepoint) in lifecycle_programs(layout) {
        let hook = format!("tp_btf {tracepoint}");
        let tried = tp_btf(ebpf, name).and_then(|program| {
            program.load(tracepoint, btf).map_err(|error| ProbeError::load(name, error))?;
            let link = program.attach().map_err(|error| ProbeError::attach(name, error))?;
            program.detach(link).map_err(|error| ProbeError::attach(name, error))
        });
        found.push(match tried {
            Ok(()) if tracepoint == "kfree_skb" => {
                works(hook, "tells of late requests, of which tcp_send_reset does not before Linux 6.10")
            }
            Ok(()) => works(hook, "loads and attaches"),
            Err(error) => missing(hook, &error),
        });
    }
    found.push(if layout.reads_segments {
        works("segments", "the headers of segments that meet no socket are read")
    } else {
        let unseen = if layout.reset_reason { "at sockets that were reset" } else { "at any closed socket" };
        degraded(
            "segments",
            format!(
                "lockdown=confidentiality forbids bpf_probe_read_kernel: late requests {unseen} are seen at the client's \
                 end only, and refused connects are not counted"
            ),
        )
    });
    let tried = program::<Iter>(ebpf, socket_dump::PROGRAM).and_then(|program| {
        program.load("tcp", btf).map_err(|error| ProbeError::load(socket_dump::PROGRAM, error))?;
        program.attach().map(drop).map_err(|error| ProbeError::attach(socket_dump::PROGRAM, error))
    });
    found.push(match tried {
        Ok(()) => works("iter tcp", "sockets older than the agent are adopted"),
        Err(error) => missing("iter tcp", &error),
    });
}

fn check_http(found: &mut Vec<Finding>, ebpf: &mut Ebpf) {
    let root = match find_root() {
        Ok(root) => root,
        Err(error) => {
            found.push(missing("cgroup2", &error));
            return;
        }
    };
    found.push(match &root.path {
        path if root.is_partial => degraded(
            "cgroup2",
            format!(
                "{} is the root of a cgroup namespace, not the host's: messages are read of the connections below it \
                 alone; run in the host's cgroup namespace (Podman, Docker: --cgroupns=host) with its /sys/fs/cgroup \
                 mounted, or with the host's process ids (Kubernetes: hostPID)",
                path.as_ref().map_or_else(|| "what is mounted for the agent alone".into(), |path| path.display().to_string())
            ),
        ),
        Some(path) => works("cgroup2", format!("mounted at {}", path.display())),
        None => works("cgroup2", "mounted nowhere; mounted for the agent alone"),
    });
    for &(name, direction) in HTTP_PROGRAMS {
        let hook = format!("cgroup_skb {direction}");
        let attach_type =
            if direction == "ingress" { CgroupSkbAttachType::Ingress } else { CgroupSkbAttachType::Egress };
        let tried = program::<CgroupSkb>(ebpf, name).and_then(|program| {
            program.load().map_err(|error| ProbeError::load(name, error))?;
            let link = program
                .attach(&root.file, attach_type, CgroupAttachMode::Single)
                .map_err(|error| ProbeError::attach(name, error))?;
            program.detach(link).map_err(|error| ProbeError::attach(name, error))
        });
        found.push(match tried {
            Ok(()) => works(hook, "loads and attaches: HTTP heads are read"),
            Err(error) => Finding {
                detail: format!("{}; `--http-inspection off` does without it", one_line(&error)),
                ..missing(hook, &error)
            },
        });
    }
}

fn check_openssl(found: &mut Vec<Finding>, ebpf: &mut Ebpf, btf: &AyaBtf) {
    let hook = "uprobe libssl";
    let library = openssl::libraries().into_values().next();
    let tried = openssl::load(ebpf, btf).and_then(|()| {
        let Some(path) = &library else { return Ok(()) };
        let links = openssl::attach_library(ebpf, path)?;
        openssl::detach_library(ebpf, links)
    });
    found.push(match (tried, library) {
        (Ok(()), Some(path)) => {
            let dear = openssl::dear_functions(&path).join(", ");
            let cost = if dear.is_empty() {
                "its probes lie on instructions that the kernel carries out itself".to_owned()
            } else {
                format!("probes of {dear} are single-stepped: up to 25 us a call on a virtual machine")
            };
            works(hook, format!("`--tls openssl` reads inside TLS ({}); {cost}", path.display()))
        }
        (Ok(()), None) => works(hook, "loads; there is no OpenSSL library here to attach to"),
        (Err(error), _) => degraded(hook, format!("{}: `--tls openssl` does not work", one_line(&error))),
    });
}

fn check_namespaces(found: &mut Vec<Finding>) {
    let Namespaces { files, processes } = namespaces::all();
    let hook = "network namespaces";
    if processes.all == 0 {
        found.push(degraded(
            hook,
            "/proc is not mounted: those of other processes are not found; mount it (`mount -t proc proc /proc`)",
        ));
        return;
    }
    let own = socket_dump::namespace_id();
    let open = files.iter().filter(|(id, file)| own == Some(**id) || socket_dump::may_enter(file)).count();
    let unknown = if processes.is_complete() {
        String::new()
    } else {
        format!("; those of {} processes may not be looked up: needs CAP_SYS_PTRACE", processes.refused)
    };
    let all = files.len();
    found.push(if open == all && unknown.is_empty() {
        works(hook, format!("{open} of {all} can be entered"))
    } else if open == all {
        degraded(hook, format!("{open} of {all} can be entered{unknown}"))
    } else {
        degraded(
            hook,
            format!(
                "{open} of {all} can be entered: old sockets of the others are not adopted; needs CAP_SYS_ADMIN{unknown}"
            ),
        )
    });
    let access = namespaces::file_access();
    found.push(if access.refused == 0 {
        works("/proc/PID/fd", "owners of old sockets are named")
    } else if access.is_complete() {
        let protected = format!("owners of old sockets are named, but in {} protected processes", access.refused);
        works("/proc/PID/fd", protected)
    } else {
        degraded(
            "/proc/PID/fd",
            format!(
                "owners of old sockets stay unnamed in {} of {} processes; needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
                access.refused, access.all
            ),
        )
    });
}

fn check_statistics(found: &mut Vec<Finding>) {
    let hook = "run statistics";
    found.push(match aya::sys::enable_stats(aya::sys::Stats::RunTime) {
        Ok(_held) => works(hook, "the cost of each program is measured"),
        Err(error) => degraded(
            hook,
            format!("{}: what the programs cost is not measured; needs CAP_SYS_ADMIN", error.io_error),
        ),
    });
}
