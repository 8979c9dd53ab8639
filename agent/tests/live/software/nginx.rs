//! nginx with one worker and a short keep-alive.

use super::{assert_idle_close_is_reported, nginx};
use crate::gate::require;

/// After a second, and with a location that answers at once.
pub(super) const SHORT: (&str, &str) = ("keepalive_timeout 1s;", "return 200 hi;");

#[test]
fn the_keepalive_timeout_of_nginx_is_an_idle_close_by_the_server() {
    require!("nginx");
    let nginx = nginx(SHORT.0, SHORT.1);
    assert_idle_close_is_reported(nginx.at, 0.95..1.5, "nginx");
}
