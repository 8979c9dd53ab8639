//! A small play on loopback, captured by the real dumpcap and read by the real tshark.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use harness::close;
use rustix::process::geteuid;

use super::{
    capture::{Capture, Captured, NEEDS, Place},
    decide::{Script, decide},
};
use crate::kit::Kit;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// `None` when this machine cannot capture; in CI it has to.
fn kit() -> Option<(tempfile::TempDir, Kit)> {
    let state = tempfile::tempdir().unwrap();
    let kit = Kit::new(state.path().to_owned()).unwrap();
    if geteuid().is_root() && kit.missing(&NEEDS).is_empty() {
        return Some((state, kit));
    }
    assert!(!crate::suite::is_ci(), "in CI nothing is left out: this needs root and tshark");
    eprintln!("skipped: a capture needs root and tshark");
    None
}

/// A client and a server that have exchanged one request and its response.
fn served(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    say(&mut client, &mut server, GET);
    say(&mut server, &mut client, OK);
    (client, server)
}

fn say(from: &mut TcpStream, to: &mut TcpStream, what: &[u8]) {
    from.write_all(what).unwrap();
    to.read_exact(&mut vec![0; what.len()]).unwrap();
}

fn pause() {
    thread::sleep(Duration::from_millis(150));
}

/// Other tests of this process use other addresses.
fn filter(at: SocketAddr) -> String {
    format!("tcp and host {} and port {}", at.ip(), at.port())
}

fn shown(captured: &Captured, kit: &Kit) -> Vec<String> {
    let flows = captured.flows(kit).unwrap();
    let decided = flows.iter().map(|flow| decide(flow, Script::default()));
    decided.map(|decided| decided.map_or_else(str::to_owned, |truth| truth.to_string())).collect()
}

#[test]
fn a_real_capture_shows_who_ended_each_connection() {
    let Some((_state, kit)) = kit() else { return };
    let at = kit.free_address().unwrap();
    let listener = TcpListener::bind(at).unwrap();
    let capture = Capture::start(&kit, Place::LOOPBACK, &filter(at)).unwrap();

    let (client, server) = served(&listener);
    pause();
    close(server);
    close(client);

    let (client, server) = served(&listener);
    pause();
    close(client);
    close(server);

    let (mut client, server) = served(&listener);
    server.shutdown(Shutdown::Both).unwrap();
    pause();
    client.write_all(GET).unwrap();
    pause();
    close(client);
    close(server);

    let (mut client, server) = served(&listener);
    pause();
    client.write_all(GET).unwrap();
    pause();
    close(server);
    close(client);

    drop(listener);
    TcpStream::connect(at).unwrap_err();

    let captured = capture.finish().unwrap();
    assert_eq!(
        shown(&captured, &kit),
        [
            "SI server-idle fin in_flight=0",
            "CI client-idle fin in_flight=0",
            "SI stale fin in_flight=0",
            "SW premature-hangup rst in_flight=1",
            "SC connect-failed rst in_flight=0",
        ]
    );
    assert_eq!(captured.dropped, 0);
}

#[test]
fn many_bytes_are_all_there_and_each_segment_is_seen_once() {
    const SIZE: usize = 20_000_000;
    let Some((_state, kit)) = kit() else { return };
    let at = kit.free_address().unwrap();
    let listener = TcpListener::bind(at).unwrap();
    let capture = Capture::start(&kit, Place::LOOPBACK, &filter(at)).unwrap();
    let (mut client, mut server) = served(&listener);
    let body: Vec<u8> = (0..SIZE).map(|number| (number % 251) as u8).collect();
    let reader = thread::spawn(move || {
        let mut got = vec![0; SIZE];
        client.read_exact(&mut got).unwrap();
        got
    });

    server.write_all(&body).unwrap();
    let got = reader.join().unwrap();
    close(server);

    let captured = capture.finish().unwrap();
    let flows = captured.flows(&kit).unwrap();
    let [flow] = &flows[..] else { panic!("{} flows", flows.len()) };
    let sent = flow.sent(crate::truth::Side::Server);
    let bytes = flow.bytes(crate::truth::Side::Server, sent).unwrap();
    assert!(bytes[OK.len()..] == got[..], "the bytes of the capture are those that were read");
    let sizes = flow.of(crate::truth::Side::Server).map(|(_, segment)| segment.payload.len());
    // A busy machine retransmits.
    assert!(sizes.sum::<usize>() < SIZE * 3 / 2);
    assert_eq!(flow.segments.iter().filter(|segment| segment.syn).count(), 2);
}
