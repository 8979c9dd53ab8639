//! What the path of a cgroup says of what lives in it. The forms and where they come from are in docs/workloads.md.

use super::{Names, WorkloadKind};

/// Hexadecimal digits of a container's id.
const ID: usize = 64;
/// Suffixes of the units that hold processes (systemd.unit(5)).
const UNITS: [&str; 4] = [".service", ".scope", ".socket", ".mount"];

/// The workload at `path`, from the root of cgroup2; `None` at the root itself.
pub fn from_cgroup_path(path: &str) -> Option<Names> {
    let components: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    // Of containers in containers (kind, Docker in Docker) the innermost.
    let container = components.iter().rposition(|part| container_id(part).is_some());
    let pod_uid = components.iter().rev().find_map(|part| pod_uid(part));
    // Below it a user makes cgroups by any name: another's container by that name must not be taken for it.
    let manager = components.iter().find(|part| is_user_manager(part)).map(|part| (*part).to_owned());
    if let Some(at) = container {
        let kind = if pod_uid.is_some() { WorkloadKind::Pod } else { WorkloadKind::Container };
        return Some(Names {
            container_id: container_id(components[at]).map(str::to_owned),
            pod_uid,
            unit: unit(&components[at + 1..]).or(manager),
            ..Names::new(kind)
        });
    }
    if pod_uid.is_some() {
        // Some runtimes keep all of a pod in one cgroup (gVisor, Kata).
        return Some(Names { pod_uid, unit: manager, ..Names::new(WorkloadKind::Pod) });
    }
    if let Some((at, name)) = named_container(&components) {
        return Some(Names {
            container_id: Some(name.clone()),
            container: Some(name),
            unit: unit(&components[at + 1..]).or(manager),
            ..Names::new(WorkloadKind::Container)
        });
    }
    if let Some(unit) = unit(&components) {
        return Some(Names { unit: Some(unit), ..Names::new(WorkloadKind::Unit) });
    }
    let all = format!("/{}", components.join("/"));
    (!components.is_empty()).then(|| Names { cgroup: Some(all), ..Names::new(WorkloadKind::Cgroup) })
}

/// Sixty-four digits, alone or behind a runtime's prefix: `cri-containerd-ID.scope`, `libpod-ID`, `slice:cri-containerd:ID`.
/// A container's monitor is not the container.
fn container_id(part: &str) -> Option<&str> {
    let part = part.strip_suffix(".scope").unwrap_or(part);
    let (prefix, id) = part.split_at_checked(part.len().checked_sub(ID)?)?;
    let is_id = id.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
    (is_id && (prefix.is_empty() || prefix.ends_with(['-', ':', '_'])) && !prefix.contains("conmon"))
        .then_some(id)
}

/// `pod` and a UID, with dashes, with underscores (systemd's slices have dashes of their own), or without (static pods).
fn pod_uid(part: &str) -> Option<String> {
    part.match_indices("pod").find_map(|(at, word)| {
        let rest = &part[at + word.len()..];
        let end = rest.find(|c: char| !c.is_ascii_hexdigit() && c != '-' && c != '_').unwrap_or(rest.len());
        let uid = rest[..end].replace('_', "-");
        let groups: Vec<usize> = uid.split('-').map(str::len).collect();
        matches!(groups[..], [8, 4, 4, 4, 12] | [32]).then_some(uid)
    })
}

/// Containers that are called by a name: LXC and Incus, systemd-nspawn, machined, Nomad.
fn named_container(components: &[&str]) -> Option<(usize, String)> {
    let of = |at: usize| -> Option<String> {
        let part = components[at];
        let before = at.checked_sub(1).map(|before| components[before]);
        let named = |name: &str| (!name.is_empty()).then(|| unescape(name));
        if let Some(name) = part.strip_prefix("lxc.payload.") {
            return named(name);
        }
        if matches!(before, Some("lxc" | "lxc.payload")) {
            return named(part);
        }
        if let Some(name) = part.strip_prefix("systemd-nspawn@") {
            return named(name.strip_suffix(".service")?);
        }
        if let Some(name) = part.strip_prefix("machine-") {
            return named(name.strip_suffix(".scope")?);
        }
        let is_nomad = components[..at].iter().any(|part| matches!(*part, "nomad.slice" | "nomad"));
        let (allocation, task) = part.strip_suffix(".scope").unwrap_or(part).split_once('.')?;
        (is_nomad && allocation.len() == 36).then(|| unescape(task))
    };
    (0..components.len()).rev().find_map(|at| Some((at, of(at)?)))
}

/// The innermost unit; of a login its user's slice, since every login has a scope of its own.
fn unit(components: &[&str]) -> Option<String> {
    let at = components.iter().rposition(|part| UNITS.iter().any(|suffix| part.ends_with(suffix)));
    let at = at.or_else(|| components.iter().rposition(|part| is_slice(part)))?;
    let name = components[at];
    let is_login = name.starts_with("session-") && name.strip_suffix(".scope").is_some();
    let slice = at.checked_sub(1).map(|before| components[before]).filter(|before| is_slice(before));
    if let Some(slice) = slice.filter(|_| is_login) {
        return Some(unescape(slice));
    }
    // Two users may have a unit by the same name.
    let manager = components[..at].iter().find(|part| is_user_manager(part));
    let name = unescape(name);
    Some(manager.map_or_else(|| name.clone(), |manager| format!("{manager}/{name}")))
}

/// A user's own instance of systemd, which may make cgroups (systemd.resource-control(5), Delegate=).
fn is_user_manager(part: &str) -> bool {
    part.starts_with("user@") && part.strip_suffix(".service").is_some()
}

fn is_slice(part: &str) -> bool {
    part.strip_suffix(".slice").is_some()
}

/// systemd writes bytes that mean something to it as `\xHH` (systemd-escape(1)).
fn unescape(name: &str) -> String {
    let mut parts = name.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        if let Some(byte) = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            bytes.extend_from_slice(&part.as_bytes()[2..]);
        } else {
            bytes.extend_from_slice(b"\\x");
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
