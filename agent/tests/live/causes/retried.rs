//! A race that a proxy hides by asking again, and one that it may not hide.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use harness::{all_at, software::Server};

use crate::{
    agent,
    gate::require,
    peer::{answer, ask, dial, listen, read_message, read_response},
    software::nginx,
};

/// Answers the first request of the first connection and closes it with the second unread; then answers whatever comes
/// on one more connection.
fn upstream(listener: &TcpListener, retried: bool) {
    let (mut first, _) = listener.accept().expect("accept");
    answer(&mut first);
    // Arrived and not read.
    first.set_read_timeout(Some(Duration::from_secs(20))).expect("timeout");
    first.peek(&mut [0]).expect("a second request");
    drop(first);
    if retried {
        let (mut second, _) = listener.accept().expect("accept");
        answer(&mut second);
        // The proxy closes it when it is ended.
        second.read_to_end(&mut Vec::new()).expect("an orderly end");
    }
}

/// One request after another through the proxy; returns the status line of the second.
fn second_of_two(proxy: SocketAddr, second: &str) -> String {
    let mut stream = dial(proxy);
    ask(&mut stream);
    read_response(&mut stream);
    thread::sleep(Duration::from_millis(200));
    stream.write_all(second.as_bytes()).expect("write the request");
    let (head, _) = read_message(&mut stream);
    head.lines().next().unwrap_or_default().to_owned()
}

/// A proxy with a pool in front of `upstream`, which it knows twice: so it has another one to try.
fn proxy(upstream: SocketAddr) -> Server {
    let directives = format!(
        "upstream up {{ server {upstream} max_fails=0; server {upstream} max_fails=0; keepalive 8; }}"
    );
    nginx(&directives, "proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection \"\";")
}

#[test]
fn a_race_is_retried_when_the_proxy_asked_again_and_was_answered() {
    require!("nginx");
    let listeners = [(); 2].map(|()| listen());
    let [get, post] = listeners.each_ref().map(|one| one.local_addr().expect("address"));
    let (to_get, to_post) = (proxy(get), proxy(post));
    let agent = agent::watch(&[get, post]);
    thread::scope(|scope| {
        scope.spawn(|| upstream(&listeners[0], true));
        scope.spawn(|| upstream(&listeners[1], false));
        let status = second_of_two(
            to_get.at,
            "GET /again HTTP/1.1\r\nHost: test\r\nX-Request-Id: 7d1c52e04a9b\r\n\r\n",
        );
        assert_eq!(status, "http/1.1 200 ok");
        let once = "POST /once HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(second_of_two(to_post.at, once), "http/1.1 502 bad gateway");
        // What was lost is looked for again while the connection that carries it is open.
        agent.wait_for(4, |close| close.verdict == "idle-race");
        // Its pool would keep the connection that answered.
        drop((to_get, to_post));
    });
    let closes = agent.closes(6);
    for (at, is_retried) in [(get, true), (post, false)] {
        let races = |role| {
            let of_role = all_at(&closes, at, role).into_iter();
            of_role.filter(|close| close.verdict == "idle-race").collect::<Vec<_>>()
        };
        let (client, server) = (races("client"), races("server"));
        let ([client], [server]) = (client.as_slice(), server.as_slice()) else { panic!("{closes:#?}") };
        for close in [client, server] {
            close.says("race=unread closer=server close_type=rst");
        }
        client.is_held_by("nginx");
        client.says(if is_retried { "retried=true" } else { "retried=null" });
        server.says("retried=null");
    }
}
