//! Timeouts to recommend: far enough from the other side's, and round.

/// How far one side's timeout should lie from the other's, seconds: a tenth, but at least one second, which holds
/// timers that are checked once a second, and at most twenty, as clocks and round trips do not grow with timeouts.
pub(super) fn margin(timeout: f64) -> f64 {
    (timeout / 10.0).clamp(1.0, 20.0)
}

/// A timeout for a server whose clients keep idle connections for `client` seconds.
pub(super) fn above(client: f64) -> f64 {
    let wanted = client + margin(client);
    let step = step(wanted);
    (wanted / step - 1e-9).ceil() * step
}

/// A timeout for clients of a server that closes after `server` seconds: half of it when there is no second to spare.
pub(super) fn below(server: f64) -> f64 {
    if server < 2.0 {
        let half = server / 2.0;
        let step = if half >= 0.1 { 0.1 } else { 0.001 };
        return ((half / step + 1e-9).floor() * step).max(0.001);
    }
    // Servers' timers are measured a little early: 4.98 s is 5 s.
    let wanted = server - margin(server) + 0.04;
    let step = step(wanted);
    (wanted / step).floor() * step
}

/// What people round to.
fn step(seconds: f64) -> f64 {
    match seconds {
        s if s < 15.0 => 1.0,
        s if s < 100.0 => 5.0,
        s if s < 300.0 => 10.0,
        s if s < 1200.0 => 20.0,
        _ => 60.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_gets_more_than_its_clients_by_a_round_value() {
        for (client, server) in
            [(4.0, 5.0), (5.0, 6.0), (15.0, 20.0), (30.0, 35.0), (60.0, 70.0), (90.0, 100.0), (600.0, 620.0)]
        {
            assert!((above(client) - server).abs() < 1e-9, "{client}: {}", above(client));
        }
    }

    #[test]
    fn a_client_gets_less_than_its_server_by_a_round_value() {
        for (server, client) in [
            (6.0, 5.0),
            (4.98, 4.0),
            (2.0, 1.0),
            (30.0, 25.0),
            (60.0, 50.0),
            (75.0, 65.0),
            (1.0, 0.5),
            (0.2, 0.1),
        ] {
            assert!((below(server) - client).abs() < 1e-9, "{server}: {}", below(server));
        }
    }

    #[test]
    fn whatever_the_time_there_is_room_between() {
        let mut seconds = 0.004;
        while seconds < 1e6 {
            assert!(above(seconds) >= seconds + 0.999, "{seconds}");
            assert!(below(seconds) < seconds && below(seconds) > 0.0, "{seconds}: {}", below(seconds));
            if seconds > 2.1 {
                assert!(seconds - below(seconds) >= 0.95, "{seconds}: {}", below(seconds));
            }
            seconds *= 1.013;
        }
    }
}
