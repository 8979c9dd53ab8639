//! What a watch says, line by line (watch.Event of k8s.io/apimachinery, in JSON).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    controller::{self, Owner, OwnerReference},
    failure::Failure,
    options::PodLabel,
};

/// What is kept of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pod {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) owner: Option<Owner>,
    pub(super) labels: BTreeMap<String, String>,
}

/// For the table of pods.
#[derive(Debug)]
pub(super) enum Update {
    /// All that there are follow: the others have ended.
    Anew,
    /// By its UID, as the kubelet has it.
    Pod(String, Pod),
    Ended(String),
}

/// What a line was.
#[derive(Debug)]
pub(super) struct Event {
    /// The version to go on from after it: only a bookmark has one. What there is at the begin of a watch comes in no order
    /// of versions, so that of a pod says nothing of the others.
    pub(super) version: Option<String>,
    pub(super) update: Option<Update>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Added,
    Modified,
    Deleted,
    /// Only a version.
    Bookmark,
    /// A Status in place of the object.
    Error,
}

#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: Kind,
    object: Object,
}

#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Object {
    metadata: Metadata,
    code: u16,
    message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: String,
    uid: String,
    resource_version: Option<String>,
    creation_timestamp: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<Annotations>,
    owner_references: Option<Vec<OwnerReference>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Annotations {
    /// Of the copy of a static pod that a kubelet shows: the UID that it uses itself.
    #[serde(rename = "kubernetes.io/config.mirror")]
    mirror: Option<String>,
}

impl Metadata {
    /// Of a static pod the kubelet's own, which its cgroup has: 32 digits (pkg/kubelet/config/common.go, `applyDefaults`), and
    /// thus never another pod's.
    fn kubelet_uid(&self) -> String {
        let mirror = self.annotations.as_ref().and_then(|annotations| annotations.mirror.as_ref());
        let is_hash = |text: &String| text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        mirror.filter(|text| is_hash(text)).unwrap_or(&self.uid).clone()
    }
}

/// Reads a line.
///
/// # Errors
/// `Ok(Err(_))` where the API reports an error, which ends the watch; `Err` where the line cannot be read.
pub(super) fn read(line: &[u8], wanted: &[PodLabel]) -> Result<Result<Event, Failure>, serde_json::Error> {
    let Line { kind, object } = serde_json::from_slice(line)?;
    let Object { metadata, code, message } = object;
    let update = match kind {
        Kind::Error => return Ok(Err(Failure::refused(code, &message))),
        Kind::Bookmark => return Ok(Ok(Event { version: metadata.resource_version, update: None })),
        Kind::Deleted => Some(Update::Ended(metadata.kubelet_uid())),
        Kind::Added | Kind::Modified => {
            let created = metadata.creation_timestamp.as_ref().and_then(|text| text.parse().ok());
            let labels = metadata.labels.clone().unwrap_or_default();
            let references = metadata.owner_references.as_deref().unwrap_or_default();
            let owner = controller::of_pod(references, &labels, created);
            let kept = wanted.iter().filter_map(|label| labels.get_key_value(&*label.key));
            let labels = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
            let uid = metadata.kubelet_uid();
            let Metadata { name, namespace, .. } = metadata;
            (!uid.is_empty()).then_some(Update::Pod(uid, Pod { name, namespace, owner, labels }))
        }
    };
    Ok(Ok(Event { version: None, update }))
}
