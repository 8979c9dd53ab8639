use std::{
    net::TcpListener,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use super::*;

/// At once, but for the programs that other tests start, which hold a listener until their exec.
fn comes_true(is_so: impl Fn() -> bool) -> bool {
    (0..1000).any(|_| {
        is_so() || {
            thread::sleep(Duration::from_millis(1));
            false
        }
    })
}

#[test]
fn an_address_is_free_until_somebody_listens_at_it() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = listener.local_addr().unwrap();

    assert!(!is_free(at));
    drop(listener);
    assert!(comes_true(|| is_free(at)));
}

#[test]
fn an_address_that_is_free_can_be_bound_while_programs_are_started() {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                Command::new("true").status().unwrap();
            }
        });
        let refused = (0..20_000).find_map(|round| {
            let at = ([127, 104, 1, 1], 12_000 + round % 20_000).into();
            is_free(at).then(|| TcpListener::bind(at).err())?
        });
        done.store(true, Ordering::Relaxed);
        assert!(refused.is_none(), "{refused:?}");
    });
}

#[test]
fn a_port_is_bound_while_somebody_listens_at_it() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();

    assert!(is_bound(port).unwrap());
    drop(listener);
    assert!(comes_true(|| !is_bound(port).unwrap()));
}

#[test]
fn a_port_is_given_out_once_and_is_no_clients() {
    let host = Ipv4Addr::new(127, 104, 1, 2);
    let (one, other) = (listen(host).unwrap(), listen(host).unwrap());
    let ports = [one, other].map(|listener| listener.local_addr().unwrap().port());
    assert!(ports[0] != ports[1] && ports.iter().all(|port| PORTS.contains(port)), "{ports:?}");
}
