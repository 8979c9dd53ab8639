//! Which endpoint a close or a request belongs to. Everything that is kept by endpoint uses this key and hears from
//! here which endpoints there are.

use super::model::EndpointKey;
use crate::{
    close::facts::comm,
    connection::{Ends, Process},
    labels::Role,
};

/// What a process without a name is called: one that has this name must not be another endpoint of the same words.
const NAMELESS: &[u8] = b"unknown\0\0\0\0\0\0\0\0\0";

/// One endpoint: cheap to copy and to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndpointId {
    role: Role,
    server_port: Option<u16>,
    name: [u8; 16],
}

/// Where something was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub id: EndpointId,
    /// It is told apart; otherwise the table is full, and it is counted together with others.
    pub own: bool,
    /// An endpoint that made room for it.
    pub gave_up: Option<EndpointId>,
}

impl EndpointId {
    /// The endpoint of a socket. A client's own port and a stranger's are of no use to anybody and without bound.
    pub fn of(role: Role, ends: &Ends, process: Option<Process>) -> Self {
        let server_port = ends.server_port(role);
        let mut name = process.map_or([0; 16], |process| process.comm);
        // What lies behind the end of a name is not part of it.
        let len = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        name[len..].fill(0);
        if std::str::from_utf8(&name[..len]).is_err() {
            make_text(&mut name[..len]);
        }
        if &name[..] == NAMELESS {
            name.fill(0);
        }
        Self { role, server_port, name }
    }

    pub fn role(self) -> Role {
        self.role
    }

    /// With the process's name as text.
    pub fn shown(self) -> EndpointKey {
        EndpointKey { role: self.role, server_port: self.server_port, process: comm(&self.name) }
    }
}

/// Names that differ only in what is no text (one that was cut within a letter) must not be shown alike and be told apart.
fn make_text(name: &mut [u8]) {
    let mut text = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.extend_from_slice(chunk.valid().as_bytes());
        text.extend(chunk.invalid().iter().map(|_| b'?'));
    }
    name.copy_from_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &[u8]) -> EndpointId {
        let mut comm = [0; 16];
        comm[..name.len()].copy_from_slice(name);
        let ends = Ends { local: ([127, 0, 0, 1], 80).into(), remote: ([127, 0, 0, 1], 40000).into() };
        EndpointId::of(Role::Server, &ends, Some(Process { pid: None, comm }))
    }

    #[test]
    fn endpoints_that_are_shown_alike_are_one() {
        assert_eq!(named(b"a\xff"), named(b"a\xfe"));
        assert_eq!(named(b"a\xff").shown().process, "a?");
        assert_eq!(named("café".as_bytes()).shown().process, "café");
        assert_eq!(named(b"unknown"), named(b""));
        assert_eq!(named(b"a\0b"), named(b"a"));
        assert_ne!(named(b"a"), named(b"b"));
    }
}
