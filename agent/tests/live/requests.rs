//! Requests on connections that are still open.

use std::net::SocketAddr;

use whohungup::session::{Record, Session, SessionOptions};

use crate::{
    gate::require,
    peer::{Dialled, listen},
};

#[test]
fn requests_counted_since_the_last_turn_are_handed_over_at_the_end() {
    require!();
    let listener = listen();
    let server: SocketAddr = listener.local_addr().expect("address");
    let mut session = Session::start(SessionOptions::default()).expect("the probes load");
    let mut open = Dialled::to(&listener);
    // The kernel side tells of each 256th request.
    (0..600).for_each(|_| open.exchange());
    let mut started = 0;
    session.finish(|record| {
        if let Record::Requests(progressed) = record
            && progressed.ends.local == server
        {
            started += progressed.requests.begun;
        }
    });
    assert!((512..=600).contains(&started), "{started}");
}
