//! Whose a socket is: the pod, container or systemd unit that its cgroup belongs to, or the network namespace where that is
//! all there is. On a node where everything is `java` on port 8080 this tells one service from another.

mod cgroup_path;
mod names;
mod table;

use std::{
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    num::NonZeroU64,
    str::FromStr,
    sync::Arc,
};

pub use cgroup_path::from_cgroup_path;
pub use names::{Names, WorkloadKind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
pub use table::{CgroupNetns, Workloads};

/// What tells workloads apart in a key: the same for every socket of one, whatever is learned of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkloadId(NonZeroU64);

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for WorkloadId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = u64::from_str_radix(text, 16).ok().and_then(NonZeroU64::new);
        parsed.map(Self).ok_or_else(|| format!("`{text}` is no id of a workload: a hexadecimal number"))
    }
}

impl Serialize for WorkloadId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WorkloadId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A workload: cheap to copy, shared by all that name it.
#[derive(Clone, PartialEq, Eq)]
pub struct Workload(Arc<Known>);

#[derive(PartialEq, Eq)]
struct Known {
    id: WorkloadId,
    names: Names,
}

impl Workload {
    pub fn new(names: Names) -> Self {
        let mut hasher = DefaultHasher::new();
        names.identity().hash(&mut hasher);
        let id = WorkloadId(NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN));
        Self(Arc::new(Known { id, names }))
    }

    /// Both are of one look-up: a cheap way to see that nothing has changed.
    pub fn is_same_lookup(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub fn id(&self) -> WorkloadId {
        self.0.id
    }

    pub fn names(&self) -> &Names {
        &self.0.names
    }
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names().fmt(f)
    }
}

/// For people: [`Names`]' own words.
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names().fmt(f)
    }
}

impl Serialize for Workload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Workload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Names::deserialize(deserializer).map(Self::new)
    }
}
