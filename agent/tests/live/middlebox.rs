//! What something between the two ends does, with a router of the kernel's own: forgotten flows and forged resets.

pub(crate) mod path;

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::{AsRawFd as _, OwnedFd},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use rustix::net::sockopt::{set_socket_linger, set_tcp_user_timeout};

use harness::{Close, all_at, one_at};

use crate::{
    agent, gate,
    middlebox::path::{DROPPED, FORGETS_AFTER, OPEN, Path, REJECTED},
    peer::{Dialled, answer, ask, dial, read_request, read_response},
};

/// Long enough for the router to have forgotten, seconds.
const GAP: f64 = FORGETS_AFTER as f64 + 1.2;

fn wait_until_forgotten() {
    thread::sleep(Duration::from_secs_f64(GAP));
}

/// Nothing but a reset or the kernel's timeout comes.
fn fails(stream: &mut TcpStream) {
    let end = stream.read(&mut [0; 64]).expect_err("no byte and no end");
    assert!(matches!(end.kind(), ErrorKind::ConnectionReset | ErrorKind::TimedOut), "{end:?}");
}

/// The path, where everything that is needed is there.
fn path() -> Option<Path> {
    if gate::can_observe() { Path::make() } else { None }
}

fn is_forgotten(close: &Close, close_type: &str, phase: &str) {
    close.says("verdict=network closer=network cause=flow-forgotten race=null");
    // Only the other end could prove it.
    close.says(&format!("close_type={close_type} phase={phase} confidence=probable"));
    close.proves(&[" s of silence"]);
}

#[test]
fn a_reset_in_place_of_a_forgotten_flow_is_reported_at_the_end_that_broke_the_silence() {
    let Some(path) = path() else { return };
    let listener = path.listen(REJECTED);
    let agent = agent::watch(&[REJECTED]);
    let (mut asking, mut answering) = (path.used(&listener), path.used(&listener));
    let ends = [asking.ends().0, answering.ends().0];
    ask(&mut answering.client);
    read_request(&mut answering.server);
    wait_until_forgotten();

    ask(&mut asking.client);
    fails(&mut asking.client);
    answering
        .server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        .expect("write the response");
    fails(&mut answering.server);
    for dialled in [asking, answering] {
        drop(dialled.client);
        drop(dialled.server);
    }

    let closes = agent.closes(4);
    let clients = all_at(&closes, REJECTED, "client");
    let of = |end: SocketAddr| {
        let found = clients.iter().find(|close| close.local == end);
        *found.unwrap_or_else(|| panic!("no client at {end}: {clients:#?}"))
    };
    let asked = of(ends[0]);
    is_forgotten(asked, "rst", "waiting");
    asked.proves(&["no FIN ever came", "hop limit"]);
    asked.says("requests=1 in_flight=1");
    // It never heard of it, and gave up.
    of(ends[1]).says("verdict=premature-hangup closer=client cause=unknown");

    let servers = all_at(&closes, REJECTED, "server");
    let forgotten: Vec<_> = servers.iter().filter(|close| close.word("verdict") == "network").collect();
    let [late] = forgotten.as_slice() else { panic!("{servers:#?}") };
    is_forgotten(late, "rst", "idle");
    let others: Vec<_> = servers.iter().filter(|close| close.word("verdict") != "network").collect();
    let [untouched] = others.as_slice() else { panic!("{servers:#?}") };
    untouched.says("verdict=server-idle closer=server cause=unknown");
}

#[test]
fn a_flow_that_vanishes_is_forgotten_only_where_a_newer_one_gets_through() {
    let Some(path) = path() else { return };
    path.client.set("ipv4/tcp_retries2", "1");
    let listeners = DROPPED.map(|at| path.listen(at));
    let agent = agent::watch(&DROPPED);
    let mut vanished = listeners.each_ref().map(|listener| path.used(listener));
    set_tcp_user_timeout(&vanished[2].client, 500).expect("TCP_USER_TIMEOUT");
    let first = vanished[0].ends().0;
    wait_until_forgotten();

    for dialled in &mut vanished {
        ask(&mut dialled.client);
    }
    let newer = path.used(&listeners[0]);
    drop(newer.client);
    drop(newer.server);
    for dialled in &mut vanished {
        fails(&mut dialled.client);
    }
    drop(vanished);

    let closes = agent.closes(8);
    let clients = all_at(&closes, DROPPED[0], "client");
    let (forgotten, newer): (Vec<_>, Vec<_>) = clients.iter().partition(|close| close.local == first);
    is_forgotten(forgotten[0], "timeout", "waiting");
    forgotten[0].proves(&["a newer connection to the same address"]);
    newer[0].says("verdict=completed closer=client");
    for (at, cause) in [(DROPPED[1], "retransmit-timeout"), (DROPPED[2], "user-timeout")] {
        one_at(&closes, at, "client")
            .says(&format!("verdict=network closer=network close_type=timeout cause={cause} phase=waiting"));
    }
    for at in DROPPED {
        for close in all_at(&closes, at, "server") {
            assert_ne!(close.word("closer"), "network", "nothing was lost at that end: {close:?}");
        }
    }
}

#[test]
fn a_reset_forged_in_the_middle_of_a_transfer_is_reported_at_either_end() {
    let Some(path) = path() else { return };
    let listener = path.listen(OPEN);
    let agent = agent::watch(&[OPEN]);
    let Dialled { mut client, mut server } = path.used(&listener);
    ask(&mut client);
    read_request(&mut server);
    let sending = thread::spawn(move || {
        server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n").expect("write the head");
        while server.write_all(&[b'x'; 8192]).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    client.read_exact(&mut vec![0; 100_000]).expect("the response's beginning");
    path.add("add rule ip middlebox forward tcp dport 8005 reject with tcp reset");
    let cut = client.read_to_end(&mut Vec::new());
    assert!(cut.is_err(), "{cut:?}");
    path.add("insert rule ip middlebox forward tcp sport 8005 reject with tcp reset");
    sending.join().expect("the server ends");
    drop(client);

    for close in agent.closes(2) {
        close.says("verdict=network closer=network cause=middlebox-reset close_type=rst phase=response");
        close.proves(&["no socket sent the reset", "no FIN came before it", "hop limit"]);
    }
}

/// A process that holds this socket, and is the only one to.
fn given_away(socket: TcpStream) -> std::process::Child {
    Command::new("sleep").arg("20").stdin(Stdio::from(OwnedFd::from(socket))).spawn().expect("start sleep")
}

/// A server that is killed with a request unread.
fn killed(listener: &TcpListener, path: &Path) {
    let Dialled { mut client, server } = path.used(listener);
    let mut holder = given_away(server);
    ask(&mut client);
    thread::sleep(Duration::from_millis(400));
    holder.kill().expect("kill");
    holder.wait().expect("wait");
    fails(&mut client);
}

fn lingering_for_nothing(listener: &TcpListener, path: &Path) {
    let Dialled { mut client, server } = path.used(listener);
    thread::sleep(Duration::from_millis(200));
    set_socket_linger(&server, Some(Duration::ZERO)).expect("SO_LINGER");
    drop(server);
    fails(&mut client);
}

/// A connection that is made only to see whether somebody listens.
fn scanned(listener: &TcpListener, path: &Path) {
    let Dialled { client, mut server } = path.client.within(|| Dialled::to(listener));
    set_socket_linger(&client, Some(Duration::ZERO)).expect("SO_LINGER");
    drop(client);
    fails(&mut server);
}

/// The queue is full when a request makes the last of four connections whole (TCP_DEFER_ACCEPT: until then the server
/// takes no notice of them), and the server's kernel refuses it.
fn overflown(path: &Path) {
    let at = DROPPED[1];
    let listener = path.listen(at);
    defer_accept(&listener);
    rustix::net::listen(&listener, 2).expect("a queue of three");
    let asked = |mut stream: TcpStream| {
        ask(&mut stream);
        thread::sleep(Duration::from_millis(50));
        stream
    };
    let [one, two] = [(); 2].map(|()| asked(path.client.within(|| dial(at))));
    let [three, four] = [(); 2].map(|()| path.client.within(|| dial(at)));
    let taken = [one, two, asked(three)];
    fails(&mut asked(four));
    for mut stream in taken {
        let (mut accepted, _) = listener.accept().expect("accept");
        answer(&mut accepted);
        read_response(&mut stream);
    }
}

fn defer_accept(listener: &TcpListener) {
    let seconds: libc::c_int = 5;
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the option takes a pointer to an int and its size, and both outlive the call; the descriptor is open.
    let outcome = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            (&raw const seconds).cast(),
            size,
        )
    };
    assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn what_an_end_did_is_not_put_down_to_something_in_between() {
    let Some(path) = path() else { return };
    path.server.set("ipv4/tcp_abort_on_overflow", "1");
    let listener = path.listen(OPEN);
    let agent = agent::watch(&[OPEN, DROPPED[0], DROPPED[1]]);
    killed(&listener, &path);
    lingering_for_nothing(&listener, &path);
    scanned(&listener, &path);
    overflown(&path);
    let refused = path.client.within(|| TcpStream::connect(DROPPED[0]));
    assert!(refused.is_err(), "nobody listens");
    let Dialled { client, mut server } = path.client.within(|| Dialled::to(&listener));
    let mut client = client;
    ask(&mut client);
    answer(&mut server);
    drop(server);
    drop(client);

    // Four of two ends, three more that found room in the queue, and two that never had a server's socket.
    let closes = agent.closes(16);
    for close in &closes {
        let reported = (close.word("verdict"), close.word("closer"), close.word("cause"));
        eprintln!("{} {reported:?}: {}", close.word("role"), close.reasons());
        assert_ne!(reported.0, "network", "{close:?}");
        assert_ne!(reported.1, "network", "{close:?}");
        assert!(!["flow-forgotten", "middlebox-reset"].contains(&reported.2), "{close:?}");
    }
}
