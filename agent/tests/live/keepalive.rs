//! The keepalive audit: sockets with each option, IPv4 and IPv6, between two hosts.

use std::{
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    process::Command,
    thread,
    time::Duration,
};

use harness::{Namespace, ip};
use rustix::net::sockopt::{
    set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl, set_tcp_user_timeout,
};
use serde_json::Value;

use crate::{agent::BINARY, gate::require};

/// What is long here, and for how long nothing is said.
const LONG: Duration = Duration::from_secs(1);

/// Two namespaces with a cable between them.
fn hosts() -> [Namespace; 2] {
    let [near, far] = [Namespace::make(), Namespace::make()];
    near.join("eth0", &far);
    for (host, last) in [(&near, 1), (&far, 2)] {
        for address in [format!("10.104.9.{last}/24"), format!("fd00:104::{last}/64")] {
            ip(&["-n", host.name(), "address", "add", &address, "dev", "eth0", "nodad"]);
        }
        ip(&["-n", host.name(), "link", "set", "eth0", "up"]);
    }
    [near, far]
}

/// A connection that has carried nothing, with these options at the client's end.
fn connection(
    hosts: &[Namespace; 2],
    listener: &TcpListener,
    set: impl Fn(&TcpStream) + Send,
) -> [TcpStream; 2] {
    let at = listener.local_addr().expect("address");
    let client =
        hosts[0].within(|| TcpStream::connect_timeout(&at, Duration::from_secs(5)).expect("connect"));
    set(&client);
    [client, listener.accept().expect("accept").0]
}

fn audit(port: u16, role: &str) -> Value {
    let port_text = port.to_string();
    let args = ["report", "--for", "2s", "--long-lived", "1s", "--json", "--port", &port_text];
    let output = Command::new(BINARY).args(args).output().expect("run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let endpoints = report["endpoints"].as_array().expect("a list");
    let found = endpoints.iter().find(|one| one["role"] == role && one["server_port"] == port);
    found.unwrap_or_else(|| panic!("no {role} at {port}: {report:#}"))["keepalive"].clone()
}

#[test]
fn each_option_of_long_lived_connections_is_read() {
    require!("ip");
    let hosts = hosts();
    // Half of what Linux has by default.
    hosts[0].set("ipv4/tcp_keepalive_time", "3600");
    for address in ["10.104.9.2", "fd00:104::2"] {
        let address: IpAddr = address.parse().expect("address");
        let listener = hosts[1].within(|| TcpListener::bind(SocketAddr::new(address, 0)).expect("bind"));
        let on = |socket: &TcpStream| set_socket_keepalive(socket, true).expect("SO_KEEPALIVE");
        let held = [
            connection(&hosts, &listener, |_| {}),
            connection(&hosts, &listener, |_| {}),
            connection(&hosts, &listener, |socket| {
                // An idle time alone sends no probe.
                set_tcp_keepidle(socket, Duration::from_mins(1)).expect("TCP_KEEPIDLE");
                set_tcp_user_timeout(socket, 30_000).expect("TCP_USER_TIMEOUT");
            }),
            connection(&hosts, &listener, on),
            connection(&hosts, &listener, |socket| {
                on(socket);
                set_tcp_keepidle(socket, Duration::from_mins(5)).expect("TCP_KEEPIDLE");
            }),
            connection(&hosts, &listener, |socket| {
                on(socket);
                set_tcp_keepidle(socket, Duration::from_secs(45)).expect("TCP_KEEPIDLE");
                set_tcp_keepintvl(socket, Duration::from_secs(5)).expect("TCP_KEEPINTVL");
                set_tcp_keepcnt(socket, 3).expect("TCP_KEEPCNT");
            }),
        ];
        thread::sleep(LONG * 2);
        let port = listener.local_addr().expect("address").port();
        let client = audit(port, "client");
        let count = |name: &str| client[name].as_u64();
        assert_eq!(
            [count("connections"), count("without"), count("slow"), count("exposed"), count("user_timeout")],
            [Some(6), Some(3), Some(2), Some(0), Some(1)],
            "{address}: {client:#}"
        );
        let first: Vec<f64> =
            serde_json::from_value(client["first_probe_seconds"].clone()).expect("two numbers");
        // The length of a tick is measured.
        assert!((first[0] - 45.0).abs() < 0.5 && (first[1] - 3600.0).abs() < 36.0, "{address}: {first:?}");
        let forgotten: Vec<(u32, u64)> =
            serde_json::from_value(client["forgotten_after"].clone()).expect("a list");
        assert_eq!(forgotten, [(240, 5), (350, 4), (600, 4), (900, 4), (1200, 4)], "{address}");
        let server = audit(port, "server");
        assert_eq!(
            (server["connections"].as_u64(), server["without"].as_u64()),
            (Some(6), Some(6)),
            "{server:#}"
        );
        drop(held);
    }
}

#[test]
fn what_does_not_leave_the_host_is_not_audited() {
    require!();
    let listener = crate::peer::listen();
    let dialled = crate::peer::Dialled::to(&listener);
    thread::sleep(LONG * 2);
    let port = listener.local_addr().expect("address").port().to_string();
    let args = ["report", "--for", "2s", "--long-lived", "1s", "--json", "--port", &port];
    let output = Command::new(BINARY).args(args).output().expect("run");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["endpoints"].as_array().map(Vec::len), Some(0), "{report:#}");
    drop(dialled);
}
