//! The two ends of a connection on two nodes: the keys that join them (docs/two-nodes.md).
//!
//! A node here is a network namespace. An agent sees the whole host, so of each agent only what it says of its own node's
//! sockets counts; no key is made of anything but that socket's own counters and addresses.

use std::{
    collections::{HashMap, HashSet},
    env,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path as FilePath,
    thread,
    time::Duration,
};

use harness::{Close, Namespace, Watch, close, software::haproxy};
use rustix::net::sockopt::set_socket_linger;

use crate::{
    agent::BINARY,
    gate::{self, require},
    middlebox::path::Path,
    peer::{Dialled, dial, listen, read_end},
};

/// Connections of each way; the environment asks for more.
const EACH: usize = 100;
const MORE: &str = "WHOHUNGUP_TWO_NODES_EACH";
/// So many at most before what the agents say of them is awaited: however many there are, no ring has to hold them all.
const ROUND: usize = 500;
/// At once.
const WORKERS: usize = 8;
/// Past which sequence numbers have gone round, and the counters have not.
const GIGABYTES: u64 = (1 << 32) + (100 << 20);

const CLIENT: [u8; 4] = [10, 104, 1, 2];
const ROUTER: [u8; 4] = [10, 104, 1, 1];
const SERVER: [u8; 4] = [10, 104, 2, 2];

/// What the client connects to, and where the server listens.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    asked: SocketAddr,
    serves: SocketAddr,
    /// By the addresses alone.
    has_community_id: bool,
    flows: usize,
}

/// Behind the router's translation both addresses of one end are others than those of the other end.
const RULES: &str = "
table ip two-nodes {
  chain publish {
    type nat hook prerouting priority -100
    ip daddr 10.104.1.1 tcp dport 9011 dnat to 10.104.2.2:8011
    ip daddr 10.104.1.1 tcp dport 9012 dnat to 10.104.2.2:8012
  }
  chain lossy {
    type filter hook forward priority 10
    tcp dport 8012 tcp flags & (syn | fin | rst) == 0 numgen random mod 40 0 drop
    tcp sport 8012 tcp flags & (syn | fin | rst) == 0 numgen random mod 40 0 drop
  }
}
";

fn each() -> usize {
    env::var(MORE).map_or(EACH, |text| text.parse().expect("a number of connections"))
}

fn at(host: [u8; 4], port: u16) -> SocketAddr {
    SocketAddr::from((host, port))
}

fn agent(ports: &[u16]) -> Watch {
    let at: Vec<_> = ports.iter().map(|&port| at([0; 4], port)).collect();
    Watch::at(FilePath::new(BINARY), &at, &[]).expect("an agent")
}

/// Waits until it has said so many closes of its own node.
fn await_closes(agent: &Watch, node: &Namespace, sockets: usize) {
    let (netns, within) = (node.id(), Duration::from_secs(30 + sockets as u64 / 100));
    let found = || agent.look(|closes| closes.all().filter(|close| close.netns == netns).count());
    harness::wait::until("each close of the node", within, || Ok((found() >= sockets).then_some(())))
        .expect("in time");
}

/// Ends it, and keeps what it said of its own node's sockets, once for each.
fn of_node(agent: Watch, node: &Namespace) -> Vec<Close> {
    let (netns, (closes, _)) = (node.id(), agent.finish().expect("closes"));
    closes.all().filter(|close| close.netns == netns).cloned().collect()
}

fn key<'a>(close: &'a Close, name: &str) -> Option<&'a str> {
    let key = &close.json()[name];
    assert!(key.is_null() || key.is_string(), "{close:?}");
    key.as_str()
}

/// Connects from `from` to what `listener` takes, so often, by several workers at once.
fn converse(from: &Namespace, way: Way, listener: &TcpListener) {
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::scope(|serving| {
                for _ in 0..way.flows {
                    let (server, _) = listener.accept().expect("accept");
                    serving.spawn(move || serve(server));
                }
            });
        });
        for worker in 0..WORKERS {
            scope.spawn(move || {
                from.within(|| {
                    (worker..way.flows).step_by(WORKERS).for_each(|turn| ask(dial(way.asked), turn));
                });
            });
        }
    });
}

/// The same through what ends TCP itself, and passes resets on as it likes: each client closes first.
fn converse_through(from: &Namespace, way: Way, listener: &TcpListener) {
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..way.flows {
                let (mut server, _) = listener.accept().expect("accept");
                server.read_exact(&mut [0; 4]).expect("the request");
                server.write_all(b"PONG").expect("the answer");
                read_end(&mut server);
                close(server);
            }
        });
        from.within(|| {
            for _ in 0..way.flows {
                let mut client = dial(way.asked);
                client.write_all(b"PING").expect("the request");
                client.read_exact(&mut [0; 4]).expect("the answer");
                close(client);
            }
        });
    });
}

/// One of six endings, in every fifth after 200 kB in each direction.
fn size(turn: u8) -> usize {
    if turn.is_multiple_of(5) { 200_000 } else { 300 }
}

fn ask(mut client: TcpStream, turn: usize) {
    let turn = (turn % 30) as u8;
    client.write_all(&vec![turn; size(turn)]).expect("the request");
    client.read_exact(&mut vec![0; size(turn)]).expect("the answer");
    match turn % 6 {
        0 => close(client),
        1 => {
            read_end(&mut client);
        }
        2 => {
            set_socket_linger(&client, Some(Duration::ZERO)).expect("linger");
            close(client);
        }
        3 => {
            // A reset overtakes what has not been read.
            client.write_all(b".").expect("write");
            client.read(&mut [0; 8]).expect_err("a reset");
        }
        // What nobody reads makes the close a reset.
        4 => {
            client.peek(&mut [0; 4]).expect("it comes");
            close(client);
        }
        _ => {
            client.shutdown(Shutdown::Write).expect("half a close");
            read_end(&mut client);
        }
    }
}

fn serve(mut server: TcpStream) {
    server.set_read_timeout(Some(Duration::from_secs(20))).expect("timeout");
    let mut turn = [0];
    server.read_exact(&mut turn).expect("the request");
    let [turn] = turn;
    server.read_exact(&mut vec![0; size(turn) - 1]).expect("the request");
    server.write_all(&vec![turn; size(turn)]).expect("the answer");
    match turn % 6 {
        0 => {
            read_end(&mut server);
        }
        1 => close(server),
        3 => {
            server.read_exact(&mut [0]).expect("read");
            set_socket_linger(&server, Some(Duration::ZERO)).expect("linger");
            close(server);
        }
        5 => {
            read_end(&mut server);
            close(server);
        }
        ends => {
            if ends == 4 {
                server.write_all(b"late").expect("write");
            }
            server.read(&mut [0; 8]).expect_err("a reset");
        }
    }
}

/// Every key of `one` with its closes of `other`.
fn joined<'a>(one: &'a [Close], other: &'a [Close], name: &str) -> HashMap<&'a str, Vec<&'a Close>> {
    let mut found: HashMap<&str, Vec<&Close>> = HashMap::new();
    let keys: HashSet<&str> = one.iter().filter_map(|close| key(close, name)).collect();
    for close in other {
        if let Some(key) = key(close, name).filter(|key| keys.contains(key)) {
            found.entry(key).or_default().push(close);
        }
    }
    found
}

fn at_port(closes: &[Close], port: u16) -> Vec<Close> {
    let has = |close: &&Close| close.local.port() == port || close.remote.port() == port;
    closes.iter().filter(has).cloned().collect()
}

#[test]
fn both_ends_are_joined_straight_and_behind_nat() {
    if !gate::can_observe() {
        return;
    }
    let Some(path) = Path::make() else { return };
    path.add(RULES);
    let count = each();
    let way =
        |name, asked, serves, has_community_id, flows| Way { name, asked, serves, has_community_id, flows };
    let ways = [
        // Nothing is translated in this direction.
        way("straight", at(CLIENT, 8010), at(CLIENT, 8010), true, count),
        way("DNAT and SNAT", at(ROUTER, 9011), at(SERVER, 8011), false, count),
        way("NAT with loss", at(ROUTER, 9012), at(SERVER, 8012), false, count / 5),
    ];
    let old = path.client.within(|| TcpListener::bind(at(CLIENT, 8013)).expect("bind"));
    // Older than the agents, and used before.
    let mut older: Vec<Dialled> = (0..6).map(|_| path.server.within(|| Dialled::to(&old))).collect();
    older.iter_mut().for_each(Dialled::exchange);
    let ports = [8010, 9011, 8011, 9012, 8012, 8013];
    let (client_agent, server_agent) = (agent(&ports), agent(&ports));
    let nodes = [(&client_agent, &path.client), (&server_agent, &path.server)];
    let mut ended = 0;

    for way in ways {
        let (from, to) =
            if way.has_community_id { (&path.server, &path.client) } else { (&path.client, &path.server) };
        let listener = to.within(|| TcpListener::bind(way.serves).expect("bind"));
        for done in (0..way.flows).step_by(ROUND) {
            let flows = ROUND.min(way.flows - done);
            converse(from, Way { flows, ..way }, &listener);
            ended += flows;
            for (agent, node) in nodes {
                await_closes(agent, node, ended);
            }
        }
    }
    for (turn, Dialled { client, server }) in older.into_iter().enumerate() {
        thread::scope(|scope| {
            scope.spawn(|| serve(server));
            ask(client, turn);
        });
    }

    let sockets: usize = ways.iter().map(|way| way.flows).sum::<usize>() + 6;
    for (agent, node) in nodes {
        await_closes(agent, node, sockets);
    }
    let (client, server) = (of_node(client_agent, &path.client), of_node(server_agent, &path.server));
    assert_eq!((client.len(), server.len()), (sockets, sockets));
    for way in ways {
        let (to, at) = (way.asked.port(), way.serves.port());
        let (here, there) = if way.has_community_id {
            (at_port(&client, at), at_port(&server, to))
        } else {
            (at_port(&client, to), at_port(&server, at))
        };
        let found = joined(&here, &there, "flow_id");
        let once = found.values().filter(|closes| closes.len() == 1).count();
        println!("{}: {once} of {} joined by flow_id", way.name, way.flows);
        assert_eq!((here.len(), there.len(), once), (way.flows, way.flows, way.flows), "{}", way.name);
        // Not their number: a port is used again, and then several connections have one Community ID.
        let by_address = here.iter().filter(|close| {
            let other =
                key(close, "flow_id").and_then(|flow| found.get(flow)).and_then(|closes| closes.first());
            key(close, "community_id")
                .is_some_and(|id| other.and_then(|other| key(other, "community_id")) == Some(id))
        });
        assert_eq!(by_address.count(), if way.has_community_id { way.flows } else { 0 }, "{}", way.name);
    }
    let (here, there) = (at_port(&client, 8013), at_port(&server, 8013));
    assert!(here.iter().chain(&there).all(|close| close.preexisting), "{here:?}");
    let found = joined(&here, &there, "flow_id");
    assert_eq!((here.len(), there.len(), found.len()), (6, 6, 6), "{here:?} {there:?}");
    println!("preexisting: {} of 6 joined by flow_id", found.len());
    // Nothing joins what does not belong together.
    assert_eq!(joined(&client, &server, "flow_id").len(), sockets);
}

#[test]
fn a_proxy_that_ends_tcp_has_two_flows_and_its_clients_and_servers_are_not_joined() {
    require!("haproxy");
    let Some(path) = Path::make() else { return };
    let count = each();
    let listener = path.server.within(|| TcpListener::bind(at(SERVER, 8021)).expect("bind"));
    let rest = " timeout connect 5s\n timeout client 30s\n timeout server 30s\n timeout client-fin 5s\n\
                listen proxied\n mode tcp\n bind 10.104.1.1:9021\n server one 10.104.2.2:8021\n";
    let proxy = path.router.within(|| haproxy::start(at(ROUTER, 9021), rest)).expect("HAProxy");
    let agents = [&path.client, &path.router, &path.server].map(|node| (agent(&[9021, 8021]), node));
    let way = Way {
        name: "proxy",
        asked: at(ROUTER, 9021),
        serves: at(SERVER, 8021),
        has_community_id: true,
        flows: count,
    };
    converse_through(&path.client, way, &listener);
    let [client, router, server] = agents.map(|(agent, node)| {
        let sockets = if node.id() == path.router.id() { 2 * count } else { count };
        await_closes(&agent, node, sockets);
        let closes = of_node(agent, node);
        assert_eq!(closes.len(), sockets);
        closes
    });
    drop(proxy);
    for name in ["flow_id", "community_id"] {
        let of = |one, other| joined(one, other, name).len();
        let found = (of(&client, &router), of(&router, &server), of(&client, &server));
        println!(
            "{name}: client and proxy {}, proxy and server {}, client and server {}",
            found.0, found.1, found.2
        );
        assert_eq!(found, (count, count, 0), "{name}");
    }
}

#[test]
fn the_keys_hold_after_sequence_numbers_went_round() {
    require!();
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    let agent = agent(&[port]);
    let Dialled { mut client, mut server } = Dialled::to(&listener);
    thread::scope(|scope| {
        let sent = scope.spawn(|| {
            let chunk = vec![0; 1 << 20];
            for _ in 0..GIGABYTES >> 20 {
                server.write_all(&chunk).expect("write");
            }
        });
        let mut chunk = vec![0; 1 << 20];
        let mut got = 0;
        while got < GIGABYTES >> 20 << 20 {
            got += client.read(&mut chunk).expect("read") as u64;
        }
        sent.join().expect("the sender");
    });
    close(server);
    read_end(&mut client);
    close(client);
    agent.wait_for(2, |_| true).expect("both ends");
    let (closes, _) = agent.finish().expect("closes");
    let closes: Vec<_> = closes.all().collect();
    let [one, other] = closes.as_slice() else { panic!("{closes:?}") };
    assert_eq!(one.json()["bytes_sent"].as_u64().max(other.json()["bytes_sent"].as_u64()), Some(GIGABYTES));
    assert_eq!(key(one, "flow_id"), key(other, "flow_id"));
    assert!(key(one, "flow_id").is_some());
}

/// A handshake that never was has no numbers.
#[test]
fn a_connect_that_fails_has_no_flow() {
    require!();
    let refused = crate::peer::free_address();
    let agent = agent(&[refused.port()]);
    assert!(TcpStream::connect(refused).is_err());
    agent.wait_for(1, |_| true).expect("the close");
    let (closes, _) = agent.finish().expect("closes");
    let close = closes.all().next().expect("a close");
    assert_eq!((key(close, "flow_id"), key(close, "community_id").is_some()), (None, true), "{close:?}");
}
