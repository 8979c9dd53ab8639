//! `?role=server&port=8080&process=node&limit=50`.

use thiserror::Error;

use crate::live::Wanted;

/// Values of one query at most.
const MOST: usize = 64;

#[derive(Debug, Error)]
#[error("`{name}={value}`: {why}; known are role, port, process and limit")]
pub(super) struct QueryError {
    name: String,
    value: String,
    why: String,
}

pub(super) fn wanted(query: &str) -> Result<Wanted, QueryError> {
    let mut wanted = Wanted::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()).take(MOST) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value);
        let failed = |why: String| QueryError { name: name.to_owned(), value: value.clone(), why };
        match name {
            "role" => wanted.roles.push(value.parse().map_err(failed)?),
            "port" => wanted.ports.push(value.parse().map_err(|_no| failed("no port".to_owned()))?),
            "limit" => wanted.limit = value.parse().map_err(|_no| failed("no number".to_owned()))?,
            "process" => wanted.processes.push(value),
            _ => return Err(failed("not a name that is known".to_owned())),
        }
    }
    Ok(wanted)
}

/// Percent-decoded; what is no encoding stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = hex.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(match (byte, first) {
            (Some(byte), _) => byte,
            (None, b'+') => b' ',
            (None, &other) => other,
        });
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use whohungup_core::labels::Role;

    #[test]
    fn names_and_values_are_read() {
        let read = wanted("role=server&port=80&port=8080&process=a%20b%3C%c3%BC&limit=5").expect("a query");
        let expected = Wanted {
            roles: vec![Role::Server],
            ports: vec![80, 8080],
            processes: vec!["a b<ü".to_owned()],
            limit: 5,
        };
        assert_eq!(read, expected);
        assert_eq!(wanted("").expect("all"), Wanted::default());
        assert_eq!(decoded("100%+%zz%4"), "100% %zz%4");
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (query, said) in
            [("port=x", "`port=x`"), ("role=peer", "`role=peer`"), ("colour=red", "known are role")]
        {
            let error = wanted(query).expect_err("no query").to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
