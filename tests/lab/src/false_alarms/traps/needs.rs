//! The software of the traps.

use crate::{
    kit::Need,
    software::runtimes::{GO_NEEDS, NODE_NEEDS},
};

const fn apt(package: &'static str, program: &'static str) -> Need {
    Need::Apt { package, program }
}

const POSTGRESQL: Need =
    Need::AptFile { package: "postgresql", file: "/usr/share/postgresql-common/pg_wrapper" };

const ALL: &[(&str, &[Need])] = &[
    ("ab", &[apt("apache2-utils", "ab")]),
    ("activate", &[apt("systemd", "systemd-socket-activate")]),
    ("apache", &[apt("apache2", "apache2")]),
    ("chromium", &[apt("chromium", "chromium")]),
    ("conntrack", &[apt("conntrack", "conntrack")]),
    (
        "containerd",
        &[
            apt("containerd", "containerd"),
            apt("runc", "runc"),
            Need::AptFile { package: "containernetworking-plugins", file: "/usr/lib/cni/ptp" },
            apt("iproute2", "ss"),
        ],
    ),
    (
        "brokers",
        &[
            apt("rabbitmq-server", "rabbitmq-server"),
            apt("nats-server", "nats-server"),
            apt("mosquitto", "mosquitto"),
            Need::Pypi("nats-py"),
            Need::Pypi("paho-mqtt"),
            Need::Pypi("pika"),
        ],
    ),
    ("curl", &[apt("curl", "curl")]),
    ("docker", &[apt("docker.io", "dockerd"), apt("runc", "runc")]),
    ("go", GO_NEEDS),
    (
        "databases",
        &[
            apt("mariadb-server", "mariadbd"),
            apt("redis-server", "redis-server"),
            POSTGRESQL,
            Need::Pypi("pymysql"),
            Need::Pypi("psycopg2-binary"),
        ],
    ),
    ("grpc", &[Need::Pypi("grpcio")]),
    ("gunicorn", &[Need::Pypi("gunicorn")]),
    ("h2", &[Need::Pypi("h2")]),
    ("haproxy", &[apt("haproxy", "haproxy")]),
    ("httpx", &[Need::Pypi("httpx")]),
    ("lighttpd", &[apt("lighttpd", "lighttpd")]),
    ("ncat", &[apt("ncat", "ncat")]),
    ("nft", &[apt("nftables", "nft"), apt("util-linux", "unshare"), apt("iproute2", "ip")]),
    ("nc", &[apt("netcat-openbsd", "nc")]),
    ("nginx", &[apt("nginx-light", "nginx")]),
    ("nmap", &[apt("nmap", "nmap")]),
    ("node", NODE_NEEDS),
    ("openssl", &[apt("openssl", "openssl")]),
    ("podman", &[apt("podman", "podman"), apt("runc", "runc")]),
    ("python", &[apt("python3", "python3")]),
    (
        "mariadb-pools",
        &[
            apt("mariadb-server", "mariadbd"),
            Need::Pypi("mysql-connector-python"),
            Need::Pypi("pymysql"),
            Need::Pypi("sqlalchemy"),
        ],
    ),
    (
        "other-pools",
        &[
            apt("memcached", "memcached"),
            apt("pgbouncer", "pgbouncer"),
            apt("vsftpd", "vsftpd"),
            POSTGRESQL,
            Need::Pypi("psycopg-binary"),
            Need::Pypi("pymemcache"),
        ],
    ),
    (
        "postgresql-pools",
        &[
            POSTGRESQL,
            Need::Pypi("psycopg"),
            Need::Pypi("psycopg-binary"),
            Need::Pypi("psycopg-pool"),
            Need::Pypi("psycopg2-binary"),
            Need::Pypi("sqlalchemy"),
        ],
    ),
    ("redis", &[apt("redis-server", "redis-server")]),
    ("redis-pools", &[apt("redis-server", "redis-server"), Need::Pypi("redis")]),
    ("requests", &[Need::Pypi("requests")]),
    ("ss", &[apt("iproute2", "ss")]),
    ("tinyproxy", &[apt("tinyproxy", "tinyproxy")]),
    ("uvicorn", &[Need::Pypi("uvicorn")]),
    ("websockets", &[Need::Pypi("websockets")]),
    ("wget", &[apt("wget", "wget")]),
];

/// # Panics
/// When a trap names what is not here.
pub(crate) fn find(name: &str) -> &'static [Need] {
    let found = ALL.iter().find(|(one, _)| *one == name);
    found.map(|(_, needs)| *needs).expect("software of this name")
}
