//! Where the API is, who asks, and what for.

use std::{path::PathBuf, str::FromStr, sync::Arc};

use whohungup_core::sanitize::quoted;

/// Labels of pods that are kept at most.
const MOST_LABELS: usize = 8;
/// Of a node's name (RFC 1123 subdomain), and of a label's key with its prefix.
const LONGEST_NAME: usize = 253;
const LONGEST_KEY: usize = 253 + 1 + 63;

/// What is asked of the Kubernetes API.
#[derive(Clone, Debug)]
pub struct KubernetesOptions {
    /// Only its pods are asked for.
    pub node: String,
    /// `None` for the one that Kubernetes names to each pod.
    pub server: Option<ApiServer>,
    /// With `token` and `ca.crt`.
    pub service_account: PathBuf,
    /// Of the pods' labels those that are kept.
    pub labels: Arc<[PodLabel]>,
}

/// The API server's address. It is only asked over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiServer {
    /// A name or an address; of IPv6 without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl ApiServer {
    /// As Kubernetes names it to each pod.
    pub(super) fn of_cluster() -> Option<Self> {
        let host = std::env::var("KUBERNETES_SERVICE_HOST").ok().filter(|host| !host.is_empty())?;
        let port = std::env::var("KUBERNETES_SERVICE_PORT").ok().and_then(|port| port.parse().ok());
        Some(Self { host, port: port.unwrap_or(443) })
    }

    /// As it stands in a `Host` field.
    pub(super) fn authority(&self) -> String {
        let Self { host, port } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl FromStr for ApiServer {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let error = || format!("{} is no https://HOST[:PORT]", quoted(url));
        let rest = url.strip_prefix("https://").ok_or_else(error)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((host, port))) => (host, port.strip_prefix(':')),
            Some(None) => return Err(error()),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let is_host = !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'));
        let port = port.map_or(Ok(443), str::parse).map_err(|_no_number| error())?;
        if is_host { Ok(Self { host: host.to_owned(), port }) } else { Err(error()) }
    }
}

/// A value of `--node-name`.
///
/// # Errors
/// When no node can have the name.
pub fn node_name_flag(name: &str) -> Result<String, String> {
    let is_name = (1..=LONGEST_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
    if is_name {
        return Ok(name.to_owned());
    }
    Err(format!("{} is no name of a node: take that of `kubectl get nodes` (spec.nodeName)", quoted(name)))
}

/// A label of pods, and what the metrics call it: by OpenTelemetry's name `k8s.pod.label.KEY`, as Prometheus writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodLabel {
    pub key: Arc<str>,
    pub metric: Arc<str>,
}

impl FromStr for PodLabel {
    type Err = String;

    fn from_str(key: &str) -> Result<Self, String> {
        let is_key = (1..=LONGEST_KEY).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
        if !is_key {
            return Err(format!("{} is no key of a label", quoted(key)));
        }
        let written = key.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
        Ok(Self { key: key.into(), metric: format!("k8s_pod_label_{written}").into() })
    }
}

/// A value of `--pod-labels`: keys with commas between them.
///
/// # Errors
/// When one is no key, when the metrics could not tell two apart, and when there are more than are kept.
pub fn pod_labels_flag(keys: &str) -> Result<Arc<[PodLabel]>, String> {
    let keys = keys.split(',').map(str::trim).filter(|key| !key.is_empty());
    let labels = keys.map(str::parse).collect::<Result<Vec<PodLabel>, _>>()?;
    if labels.len() > MOST_LABELS {
        return Err(format!("at most {MOST_LABELS} labels are kept, not {}", labels.len()));
    }
    for (at, label) in labels.iter().enumerate() {
        if let Some(other) = labels[..at].iter().find(|other| other.metric == label.metric) {
            let (a, b) = (quoted(&other.key), quoted(&label.key));
            return Err(format!("{a} and {b} would both be the metrics' label {}", label.metric));
        }
    }
    Ok(labels.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_asked_over_tls_only() {
        let server = |url: &str| url.parse::<ApiServer>().map(|server| server.authority());
        assert_eq!(server("https://10.96.0.1"), Ok("10.96.0.1:443".to_owned()));
        assert_eq!(server("https://api.example:6443/"), Ok("api.example:6443".to_owned()));
        assert_eq!(server("https://[fd00::1]:6443"), Ok("[fd00::1]:6443".to_owned()));
        for url in ["http://10.96.0.1", "10.96.0.1", "https://", "https://a:b", "https://a/b", "https://[::1"]
        {
            assert!(server(url).expect_err(url).contains("https://HOST"), "{url}");
        }
    }

    #[test]
    fn labels_have_the_names_of_opentelemetry_and_can_be_distinguished() {
        let metrics = |keys: &str| {
            let labels = pod_labels_flag(keys)?;
            Ok::<_, String>(labels.iter().map(|label| label.metric.to_string()).collect::<Vec<_>>())
        };
        let both = ["k8s_pod_label_app_kubernetes_io_name", "k8s_pod_label_team"].map(str::to_owned);
        assert_eq!(metrics("app.kubernetes.io/name, team"), Ok(both.to_vec()));
        assert_eq!(metrics(""), Ok(Vec::new()));
        assert!(metrics("a.b,a-b").expect_err("the same").contains("k8s_pod_label_a_b"));
        assert!(metrics("a b").expect_err("no key").contains("no key"));
        assert!(metrics("a,b,c,d,e,f,g,h,i").expect_err("too many").contains("at most 8"));
    }

    #[test]
    fn a_node_has_a_name_that_fits_a_selector() {
        assert!(node_name_flag("ip-10-0-0-1.eu-west-1.compute.internal").is_ok());
        for name in ["", "Node", "a,metadata.name=b", "a=b", &"a".repeat(254)] {
            assert!(node_name_flag(name).is_err(), "{name}");
        }
    }
}
