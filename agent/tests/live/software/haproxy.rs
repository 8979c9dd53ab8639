//! HAProxy, answering by itself.

use harness::software::haproxy;

use super::assert_idle_close_is_reported;
use crate::{gate::require, peer::free_address};

#[test]
fn the_keepalive_timeout_of_haproxy_is_an_idle_close_by_the_server() {
    require!("haproxy");
    let at = free_address();
    let front = format!(
        " timeout client 5s\n timeout http-request 5s\n timeout http-keep-alive 1s\n\
         frontend front\n bind {at}\n http-request return status 200 content-type text/plain string hi\n"
    );
    let server = haproxy::start(at, &front).expect("HAProxy");
    assert_idle_close_is_reported(server.at, 0.95..1.5, "haproxy");
}
