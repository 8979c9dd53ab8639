//! What made a pod, by the form of its name: without the API this is all there is.

/// Letters and digits of generated names (`SafeEncodeString`, k8s.io/apimachinery/pkg/util/rand): no vowels, and nothing that
/// looks like one.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Of a pod's suffix.
const SUFFIX: usize = 5;

/// The Deployment, DaemonSet, Job or StatefulSet of a pod; `None` where its name has none of their forms.
pub(super) fn of_pod(pod: &str) -> Option<String> {
    let (name, last) = pod.rsplit_once('-').filter(|(name, _)| !name.is_empty())?;
    if is_ordinal(last) {
        return Some(name.to_owned());
    }
    if last.len() != SUFFIX || !is_generated(last) {
        return None;
    }
    // A ReplicaSet's name ends in a hash of its template, a CronJob's Jobs in the minute.
    let of_set = name.rsplit_once('-').filter(|(_, hash)| {
        let is_minute = hash.len() == 8 && hash.bytes().all(|digit| digit.is_ascii_digit());
        (6..=10).contains(&hash.len()) && is_generated(hash) || is_minute
    });
    let owner = of_set.map_or(name, |(owner, _)| owner);
    (!owner.is_empty()).then(|| owner.to_owned())
}

fn is_generated(text: &str) -> bool {
    text.bytes().all(|letter| ALPHABET.contains(&letter))
}

/// StatefulSets count from 0, without leading zeros.
fn is_ordinal(text: &str) -> bool {
    text.len() <= SUFFIX
        && text.bytes().all(|digit| digit.is_ascii_digit())
        && !text.is_empty()
        && (text == "0" || !text.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_controllers() {
        for (pod, owner) in [
            ("checkout-7d9f8c6b5-x2k4q", Some("checkout")),
            ("shop-api-5c4d7f9b8d-zz9xk", Some("shop-api")),
            ("node-exporter-x2k4q", Some("node-exporter")),
            ("postgres-0", Some("postgres")),
            ("postgres-12", Some("postgres")),
            ("backup-28412340-x2k4q", Some("backup")),
            ("alone", None),
            ("my-app", None),
            ("web-aeiou", None),
            ("a-01", None),
            ("-x2k4q", None),
            ("", None),
        ] {
            assert_eq!(of_pod(pod).as_deref(), owner, "{pod}");
        }
    }
}
