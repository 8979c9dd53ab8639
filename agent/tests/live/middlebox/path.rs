//! A client, a router that tracks connections and hides the client behind its own address, and a server.

use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Command, Stdio},
};

use harness::{Namespace, gate, ip};

use crate::peer::Dialled;

const CLIENT: &str = "10.104.1.2";
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 104, 2, 2);

/// The router forgets a flow that was silent for this long, in seconds.
pub(crate) const FORGETS_AFTER: u64 = 1;

/// A reset for packets of no known flow at this port.
pub(crate) const REJECTED: SocketAddr = server(8001);
/// Packets of no known flow vanish at these, and those of known flows do not.
pub(crate) const DROPPED: [SocketAddr; 3] = [server(8002), server(8003), server(8004)];
/// Nothing happens here until a rule says so.
pub(crate) const OPEN: SocketAddr = server(8005);

const RULES: &str = "
table ip middlebox {
  chain forward {
    type filter hook forward priority 0
    tcp dport 8001 ct state invalid reject with tcp reset
    tcp dport 8002-8004 ct state invalid drop
  }
  chain hide {
    type nat hook postrouting priority 100
    ip daddr 10.104.2.2 masquerade
  }
}
";

const fn server(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(SERVER), port)
}

/// Three namespaces in a row.
pub(crate) struct Path {
    pub(crate) client: Namespace,
    pub(crate) router: Namespace,
    pub(crate) server: Namespace,
}

impl Path {
    /// `None` where a program or a part of the kernel is missing.
    pub(crate) fn make() -> Option<Self> {
        gate::program("ip").and(gate::program("nft"))?;
        let [client, router, server] = [Namespace::make(), Namespace::make(), Namespace::make()];
        link(&router, "10.104.1.1", &client, CLIENT);
        link(&router, "10.104.2.1", &server, &SERVER.to_string());
        router.set("ipv4/ip_forward", "1");
        let path = Self { client, router, server };
        if let Err(why) = path.try_rules(RULES) {
            gate::skip(&format_args!("the kernel does not track connections or reset them: {why}"));
            return None;
        }
        path.router.set("netfilter/nf_conntrack_tcp_loose", "0");
        path.router.set("netfilter/nf_conntrack_tcp_timeout_established", &FORGETS_AFTER.to_string());
        Some(path)
    }

    /// Adds rules to the router.
    pub(crate) fn add(&self, rules: &str) {
        self.try_rules(rules).unwrap_or_else(|error| panic!("{rules}: {error}"));
    }

    fn try_rules(&self, rules: &str) -> Result<(), String> {
        let mut nft = Command::new("ip");
        nft.args(["netns", "exec", self.router.name(), "nft", "-f", "-"]);
        let mut child = nft.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("run nft");
        let mut input = child.stdin.take().expect("piped");
        input.write_all(rules.as_bytes()).expect("tell nft");
        drop(input);
        let output = child.wait_with_output().expect("wait for nft");
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
    }

    pub(crate) fn listen(&self, at: SocketAddr) -> TcpListener {
        self.server.within(|| TcpListener::bind(at).expect("bind"))
    }

    /// A connection with one request answered.
    pub(crate) fn used(&self, listener: &TcpListener) -> Dialled {
        let mut dialled = self.client.within(|| Dialled::to(listener));
        dialled.exchange();
        dialled
    }
}

/// Joins two namespaces; `end` sends everything to `router`.
fn link(router: &Namespace, router_address: &str, end: &Namespace, address: &str) {
    let device = format!("to-{}", address.rsplit_once('.').map_or(address, |(net, _)| net).replace('.', "-"));
    router.join(&device, end);
    ip(&["-n", router.name(), "address", "add", &format!("{router_address}/24"), "dev", &device]);
    ip(&["-n", router.name(), "link", "set", &device, "up"]);
    ip(&["-n", end.name(), "address", "add", &format!("{address}/24"), "dev", "eth0"]);
    ip(&["-n", end.name(), "link", "set", "eth0", "up"]);
    ip(&["-n", end.name(), "route", "add", "default", "via", router_address]);
}
