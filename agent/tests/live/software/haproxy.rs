//! HAProxy, answering by itself.

use std::{fs, process::Command};

use super::{Server, assert_idle_close_is_told, free_address};
use crate::gate;

#[test]
fn the_keepalive_timeout_of_haproxy_is_an_idle_close_by_the_server() {
    if !gate::can_observe() {
        return;
    }
    let Some(program) = gate::program("haproxy") else { return };
    let directory = tempfile::tempdir().expect("temporary directory");
    let at = free_address();
    let configuration = format!(
        "global\n nbthread 1\n\
         defaults\n mode http\n timeout client 5s\n timeout http-request 5s\n timeout http-keep-alive 1s\n\
         frontend front\n bind {at}\n http-request return status 200 content-type text/plain string hi\n"
    );
    let file = directory.path().join("haproxy.cfg");
    fs::write(&file, configuration).expect("write");
    let server = Server::start(Command::new(program).arg("-db").arg("-f").arg(&file), at);
    assert_idle_close_is_told(server.at, 0.95..1.5, "haproxy");
}
