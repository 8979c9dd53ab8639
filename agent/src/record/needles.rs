//! What a line must hold to pass a filter: a search for bytes is much cheaper than reading JSON.

use whohungup_core::filter::Filter;

/// Text that every line that `filter` lets through holds.
pub(super) fn needles(filter: &Filter) -> Vec<Vec<u8>> {
    let Filter { roles, ports, processes, verdicts, namespaces, pods, containers, units, .. } = filter;
    let mut needles: Vec<String> = Vec::new();
    if let [verdict] = verdicts.as_slice() {
        needles.push(format!("\"verdict\":\"{verdict}\""));
    }
    if let [role] = roles.as_slice() {
        needles.push(format!("\"role\":\"{role}\""));
    }
    if let [port] = ports.as_slice() {
        needles.push(port.to_string());
    }
    for names in [processes, namespaces, pods, containers, units] {
        if let [name] = names.as_slice() {
            needles.extend(literal(name));
        }
    }
    needles.into_iter().map(String::into_bytes).collect()
}

/// The longest part of a pattern that stands for itself, as it is written in JSON.
fn literal(pattern: &str) -> Option<String> {
    let is_plain = |letter: char| letter.is_ascii_graphic() && !"\"\\".contains(letter);
    let parts = pattern.split(|letter| !is_plain(letter) || "*?".contains(letter));
    parts.max_by_key(|part| part.len()).filter(|part| part.len() > 1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_give_their_longest_literal() {
        assert_eq!(literal("checkout-*"), Some("checkout-".to_owned()));
        assert_eq!(literal("*-7d9f?-web"), Some("-7d9f".to_owned()));
        assert_eq!(literal("a\"bcd"), Some("bcd".to_owned()));
        assert_eq!(literal("*"), None);
    }

    #[test]
    fn of_several_that_may_be_wanted_none_must_be_there() {
        let one = Filter { ports: vec![80], ..Filter::default() };
        let two = Filter { ports: vec![80, 81], ..Filter::default() };
        assert_eq!((needles(&one).len(), needles(&two).len()), (1, 0));
    }
}
