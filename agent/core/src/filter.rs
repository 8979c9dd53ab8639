//! Which connections and endpoints are wanted: one meaning of `--port`, `--process` and the like for every command and
//! for the API.

use wildmatch::WildMatch;

use crate::{
    close::ClosedConnection,
    connection::{ListenerEnded, LongLived, Progressed},
    endpoint::{Endpoint, EndpointKey},
    identity::{Ends, Process},
    labels::{Role, Verdict},
    shutdown::Shutdown,
    workload::{Workload, WorkloadId},
};

/// What is wanted; an empty list stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub roles: Vec<Role>,
    /// Of the server's end; where the role is unknown, of either end.
    pub ports: Vec<u16>,
    /// Names or pids.
    pub processes: Vec<String>,
    pub verdicts: Vec<Verdict>,
    /// Names of Kubernetes namespaces, pods, containers and systemd units; `*` stands for anything.
    pub namespaces: Vec<String>,
    pub pods: Vec<String>,
    pub containers: Vec<String>,
    pub units: Vec<String>,
    /// As they are shown, or by id.
    pub workloads: Vec<String>,
    /// By [`EndpointKey::id`].
    pub endpoints: Vec<String>,
}

impl Filter {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn has_close(&self, closed: &ClosedConnection) -> bool {
        (self.verdicts.is_empty() || self.verdicts.contains(&closed.verdict))
            && self.has_id(|| EndpointKey::of_close(closed))
            && self.has_workload(closed.workload.as_ref(), closed.workload.as_ref().map(Workload::id))
            && self.has_connection(closed.role, &closed.ends, closed.process)
    }

    pub fn has_requests(&self, progressed: &Progressed) -> bool {
        let Progressed { role, ends, process, workload, .. } = progressed;
        self.has_workload(workload.as_ref(), workload.as_ref().map(Workload::id))
            && self.has_id(|| EndpointKey::of(*role, ends, *process, workload.as_ref()))
            && self.has_connection(progressed.role, &progressed.ends, progressed.process)
    }

    pub fn has_long_lived(&self, connection: &LongLived<'_>) -> bool {
        self.has_workload(connection.workload, connection.workload.map(Workload::id))
            && self.has_connection(connection.role, &connection.ends, connection.process)
    }

    fn has_connection(&self, role: Role, ends: &Ends, process: Option<Process>) -> bool {
        let has_port = || match ends.server_port(role) {
            Some(port) => self.ports.contains(&port),
            None => [ends.local, ends.remote].iter().any(|end| self.ports.contains(&end.port())),
        };
        let has_process = || {
            process.is_some_and(|Process { pid, comm }| self.has_process(&comm, |wanted| pid == Some(wanted)))
        };
        self.has_role(role)
            && (self.ports.is_empty() || has_port())
            && (self.processes.is_empty() || has_process())
    }

    /// Whether a connection of the endpoint can be wanted. Verdicts do not matter.
    pub fn has_endpoint(&self, endpoint: &Endpoint) -> bool {
        let EndpointKey { role, server_port, process, .. } = &endpoint.key;
        let has_port = || match server_port {
            Some(port) => self.ports.contains(port),
            None => endpoint.recent_ports.iter().any(|port| self.ports.contains(port)),
        };
        let has_process = || self.has_process(process, |wanted| endpoint.recent_pids.contains(&wanted));
        self.has_role(*role)
            && self.has_id(|| endpoint.key)
            && self.has_workload(endpoint.workload.as_ref(), endpoint.key.workload)
            && (self.ports.is_empty() || has_port())
            && (self.processes.is_empty() || has_process())
    }

    /// Whether a connection of the server that stopped can be wanted. Verdicts do not matter.
    pub fn has_shutdown(&self, shutdown: &Shutdown) -> bool {
        self.has_server(shutdown.server_port, shutdown.process, shutdown.workload.as_ref())
    }

    /// The same of its listener.
    pub fn has_listener(&self, ended: &ListenerEnded) -> bool {
        self.has_server(ended.address.port(), ended.process, ended.workload.as_ref())
    }

    fn has_server(&self, port: u16, process: Option<Process>, workload: Option<&Workload>) -> bool {
        let has_process = || {
            process.is_some_and(|Process { pid, comm }| self.has_process(&comm, |wanted| pid == Some(wanted)))
        };
        self.has_role(Role::Server)
            && self.has_id(|| EndpointKey::at(Role::Server, Some(port), process, workload))
            && self.has_workload(workload, workload.map(Workload::id))
            && (self.ports.is_empty() || self.ports.contains(&port))
            && (self.processes.is_empty() || has_process())
    }

    /// Whether every connection with this key is wanted; a key does not say its workload's names. Verdicts do not matter.
    pub fn has_key(&self, key: &EndpointKey) -> bool {
        self.has_role(key.role)
            && self.has_id(|| *key)
            && self.has_workload(None, key.workload)
            && (self.ports.is_empty() || key.server_port.is_some_and(|port| self.ports.contains(&port)))
            && (self.processes.is_empty() || self.has_process(&key.process, |_| false))
    }

    fn has_workload(&self, workload: Option<&Workload>, id: Option<WorkloadId>) -> bool {
        let names = workload.map(Workload::names);
        let has = |wanted: &[String], name: Option<&str>| {
            wanted.is_empty()
                || name.is_some_and(|name| wanted.iter().any(|wanted| WildMatch::new(wanted).matches(name)))
        };
        let is_id = || id.is_some_and(|id| self.workloads.contains(&id.to_string()));
        let is_shown = || has(&self.workloads, names.map(ToString::to_string).as_deref());
        (self.workloads.is_empty() || is_id() || is_shown())
            && has(&self.namespaces, names.and_then(|names| names.namespace.as_deref()))
            && has(&self.pods, names.and_then(|names| names.pod.as_deref()))
            && has(&self.containers, names.and_then(|names| names.container.as_deref()))
            && has(&self.units, names.and_then(|names| names.unit.as_deref()))
    }

    fn has_id(&self, key: impl Fn() -> EndpointKey) -> bool {
        self.endpoints.is_empty() || self.endpoints.contains(&key().id())
    }

    fn has_role(&self, role: Role) -> bool {
        self.roles.is_empty() || self.roles.contains(&role)
    }

    fn has_process(&self, name: &str, has_pid: impl Fn(u32) -> bool) -> bool {
        self.processes.iter().any(|wanted| wanted == name || wanted.parse().is_ok_and(&has_pid))
    }
}

#[cfg(test)]
mod tests;
