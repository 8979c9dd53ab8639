//! Workloads by what the kernel says of a socket.

use hashbrown::HashMap;

use super::{Names, Workload};

/// Pairs of cgroup and network namespace that are known at once, twice over: what was not asked for while as many others
/// came is forgotten.
const GENERATION: usize = 4096;
/// Pairs to be looked up at once; further ones ask again with the next socket.
const WANTED: usize = 1024;

/// What the kernel says of a socket: its cgroup's id (`kernfs_node.id`, 0 where it has none) and the inode of its network
/// namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CgroupNetns {
    pub cgroup_id: u64,
    pub netns: u32,
}

/// Bounded: what is known of pairs of cgroup and network namespace. Ids of cgroups are not used again, so what is known of
/// one that has gone stays true, for the closes that come after it.
#[derive(Debug, Default)]
pub struct Workloads {
    newer: HashMap<CgroupNetns, Option<Workload>>,
    older: HashMap<CgroupNetns, Option<Workload>>,
    /// To be looked up, with a process that may live there.
    wanted: HashMap<CgroupNetns, Option<u32>>,
}

impl Workloads {
    /// Asks for what is at `place`, unless it is known; `pid` is of a process that may live there.
    pub fn want(&mut self, place: CgroupNetns, pid: Option<u32>) {
        if self.newer.contains_key(&place) {
            return;
        }
        if let Some(known) = self.older.remove(&place) {
            self.know(place, known);
        } else if self.wanted.len() < WANTED || self.wanted.contains_key(&place) {
            let known = self.wanted.entry(place).or_default();
            *known = known.or(pid);
        }
    }

    /// Hands over what was asked for, to be answered with [`Self::know`].
    pub fn take_wanted(&mut self) -> impl Iterator<Item = (CgroupNetns, Option<u32>)> {
        self.wanted.drain()
    }

    pub fn has_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// `None` where there is none: the host's own processes, in no unit.
    pub fn know(&mut self, place: CgroupNetns, workload: Option<Workload>) {
        if self.newer.len() >= GENERATION {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(place, workload);
    }

    /// Asks again for those that are `outdated`; until that is answered they stay what they were.
    pub fn ask_again(&mut self, outdated: impl Fn(&Names) -> bool) {
        let known = self.newer.iter().chain(&self.older);
        let again = known.filter(|(_, known)| known.as_ref().is_some_and(|known| outdated(known.names())));
        for (&place, _) in again.take(WANTED.saturating_sub(self.wanted.len())) {
            self.wanted.entry(place).or_default();
        }
    }

    /// Puts other names in place of those of which `revised` makes some.
    pub fn revise(&mut self, revised: impl Fn(&Names) -> Option<Names>) {
        for known in self.newer.values_mut().chain(self.older.values_mut()).flatten() {
            if let Some(names) = revised(known.names()) {
                *known = Workload::new(names);
            }
        }
    }

    pub fn of(&self, place: CgroupNetns) -> Option<&Workload> {
        self.newer.get(&place).or_else(|| self.older.get(&place))?.as_ref()
    }

    pub fn len(&self) -> usize {
        self.newer.len() + self.older.len()
    }

    pub fn is_empty(&self) -> bool {
        self.newer.is_empty() && self.older.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::from_cgroup_path;

    fn place(cgroup_id: u64) -> CgroupNetns {
        CgroupNetns { cgroup_id, netns: 1 }
    }

    fn unit(name: &str) -> Option<Workload> {
        from_cgroup_path(&format!("/system.slice/{name}.service")).map(Workload::new)
    }

    #[test]
    fn what_is_known_is_not_asked_for_again() {
        let mut workloads = Workloads::default();
        workloads.want(place(1), None);
        workloads.want(place(1), Some(7));
        workloads.want(place(1), Some(8));
        assert_eq!(workloads.take_wanted().collect::<Vec<_>>(), [(place(1), Some(7))]);
        workloads.know(place(1), unit("a"));
        workloads.want(place(1), Some(7));
        assert!(!workloads.has_wanted());
        assert_eq!(workloads.of(place(1)), unit("a").as_ref());
        assert_eq!(workloads.of(place(2)), None);
    }

    #[test]
    fn names_are_revised_in_place() {
        let mut workloads = Workloads::default();
        workloads.know(place(1), unit("a"));
        workloads.know(place(2), unit("b"));
        workloads.know(place(3), None);
        let known = |workloads: &Workloads, id| workloads.of(place(id)).expect("known").clone();
        let before = (known(&workloads, 1), known(&workloads, 2));
        workloads.revise(|names| {
            let is_a = names.unit.as_deref() == Some("a.service");
            is_a.then(|| Names { owner: Some("x".to_owned()), ..names.clone() })
        });
        let (a, b) = (known(&workloads, 1), known(&workloads, 2));
        assert_eq!((a.id(), a.names().owner.as_deref()), (before.0.id(), Some("x")));
        assert!(b.is_same_lookup(&before.1));
    }

    #[test]
    fn both_tables_are_bounded() {
        let mut workloads = Workloads::default();
        let few = GENERATION as u64 * 5;
        for id in 0..few {
            workloads.want(place(id), None);
            workloads.know(place(id), unit("a"));
            workloads.want(place(0), None);
        }
        assert!(workloads.len() <= 2 * GENERATION);
        assert_eq!(workloads.take_wanted().count(), WANTED);
        assert_eq!(workloads.of(place(0)), unit("a").as_ref(), "asked for all the time");
        assert_eq!(workloads.of(place(few - 1)), unit("a").as_ref());
        assert_eq!(workloads.of(place(1)), None, "forgotten");
    }
}
