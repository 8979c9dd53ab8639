//! What must be reported of the ends of a play.

use std::collections::BTreeMap;

use harness::Close;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Ends of closes that are alike.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Want {
    /// Both where it is not said.
    role: Option<String>,
    /// At least and at most so many.
    closes: [usize; 2],
    /// Fields of the close by their names, with dots where they are in objects, each with the values of which any is right; `null` in words.
    is: BTreeMap<String, Value>,
    /// Fields that are numbers, with the least and the most that is right.
    #[serde(default)]
    between: BTreeMap<String, [f64; 2]>,
    /// Words that the evidence must hold.
    #[serde(default)]
    says: Vec<String>,
}

impl Want {
    fn fits(&self, close: &Close) -> bool {
        let is_any = |name: &String, wanted: &Value| {
            // `workload.pod` is the member of an object.
            let said = text(name.split('.').fold(close.json(), |object, name| &object[name]));
            match wanted {
                Value::Array(any) => any.iter().any(|one| text(one) == said),
                one => text(one) == said,
            }
        };
        self.role.as_ref().is_none_or(|role| *role == close.role)
            && self.is.iter().all(|(name, wanted)| is_any(name, wanted))
            && self.between.iter().all(|(name, [least, most])| {
                close.json()[name].as_f64().is_some_and(|said| (*least..=*most).contains(&said))
            })
            && self.says.iter().all(|words| close.evidence.join("; ").contains(words))
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How many closes each want has, and those that none has.
fn sorted<'a>(wants: &[Want], closes: &'a [Close]) -> (Vec<usize>, Vec<&'a Close>) {
    let (mut counts, mut strangers) = (vec![0; wants.len()], Vec::new());
    for close in closes {
        match wants.iter().position(|want| want.fits(close)) {
            Some(at) => counts[at] += 1,
            None => strangers.push(close),
        }
    }
    (counts, strangers)
}

/// Nothing that is still missing may come.
pub(super) fn is_complete(wants: &[Want], closes: &[Close]) -> bool {
    let (counts, strangers) = sorted(wants, closes);
    strangers.is_empty() && counts.iter().zip(wants).all(|(count, want)| *count >= want.closes[0])
}

/// What is not as wanted.
pub(super) fn compare(wants: &[Want], closes: &[Close]) -> Vec<String> {
    let (counts, strangers) = sorted(wants, closes);
    let mut wrong: Vec<_> =
        strangers.iter().map(|close| format!("no end may be {}: {close:?}", summary(close))).collect();
    for (count, want) in counts.iter().zip(wants) {
        if !(want.closes[0]..=want.closes[1]).contains(count) {
            wrong.push(format!("{count} ends were {want:?}"));
        }
    }
    wrong
}

/// A close in a few words.
pub(super) fn summary(close: &Close) -> String {
    let Close { role, closer, phase, cause, confidence, .. } = close;
    format!("{role} {} {closer} {phase} {cause} {confidence}", close.verdict_or_race())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn want(closes: [usize; 2], is: Value) -> Want {
        let is = serde_json::from_value(is).expect("fields");
        Want { role: Some("server".to_owned()), closes, is, between: BTreeMap::new(), says: Vec::new() }
    }

    #[test]
    fn each_close_has_to_be_wanted_and_each_want_to_be_met() {
        let close = Close::sample(&[]);
        let waiting =
            want([1, 1], json!({ "phase": ["waiting", "response"], "race": "null", "in_flight": 1 }));
        assert_eq!(
            compare(std::slice::from_ref(&waiting), std::slice::from_ref(&close)),
            Vec::<String>::new()
        );
        assert!(is_complete(std::slice::from_ref(&waiting), std::slice::from_ref(&close)));
        assert_eq!(compare(std::slice::from_ref(&waiting), &[]).len(), 1);
        assert_eq!(compare(std::slice::from_ref(&waiting), &[close.clone(), close.clone()]).len(), 1);
        let idle = want([0, 1], json!({ "phase": "idle" }));
        assert_eq!(compare(&[idle], &[close]).len(), 1, "a stranger");
    }
}
