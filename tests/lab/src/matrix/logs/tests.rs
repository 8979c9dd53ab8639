use super::*;

fn only(log: Log, text: &str) -> Entry {
    let accounts = Accounts::read(log, text);
    let mut entries: Vec<_> = accounts.by_client.into_values().flatten().collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0)
}

#[test]
fn nginx_says_who_left_by_the_status() {
    let left = only(Log::Nginx, "127.0.0.1:40000 499 0/- /wait/60000?k1\n");
    assert_eq!(left.target, "/wait/60000?k1");
    assert_eq!(left.account.and_then(|account| account.closer), Some(Side::Client));

    let late = only(Log::Nginx, "127.0.0.1:40000 408 0/- /read?k1\n");
    assert_eq!(late.account.and_then(|account| account.closer), Some(Side::Server));
}

#[test]
fn a_response_that_nginx_cut_off_is_open_whatever_its_status() {
    let whole = only(Log::Nginx, "127.0.0.1:40000 200 1000/1000 /drip/300?k1\n");
    assert_eq!(whole.account.unwrap().phases, [Phase::Idle]);

    let cut = only(Log::Nginx, "127.0.0.1:40000 200 500/1000 /drip/60000?k1\n");
    assert_eq!(cut.account.unwrap().phases, [Phase::Response]);
}

#[test]
fn haproxy_says_it_of_both_its_connections() {
    let text = "127.0.0.1:40000 127.0.0.1:50000 200 sD /drip/60000?k1\n";
    let accounts = Accounts::read(Log::Haproxy, text);

    let of = |all: &HashMap<SocketAddr, Vec<Entry>>, at: &str| {
        all[&at.parse::<SocketAddr>().unwrap()][0].account.unwrap()
    };
    let client = of(&accounts.by_client, "127.0.0.1:40000");
    let upstream = of(&accounts.by_upstream, "127.0.0.1:50000");
    assert_eq!((client.closer, &client.phases[..]), (Some(Side::Server), &[Phase::Response][..]));
    assert_eq!(upstream.closer, Some(Side::Client));
}

#[test]
fn a_connection_that_apache_keeps_is_not_in_the_middle_of_a_message() {
    let kept = only(Log::Apache, "127.0.0.1:40000 200 + /?k1\n");
    assert_eq!(kept.account.unwrap().phases, [Phase::Idle, Phase::Waiting]);

    let cut = only(Log::Apache, "127.0.0.1:40000 200 X /drip/60000?k1\n");
    assert!(!cut.account.unwrap().phases.contains(&Phase::Idle));
}

#[test]
fn lines_about_other_things_say_nothing() {
    let text = "[NOTICE] (1) : New worker forked\n\n";
    let accounts = Accounts::read(Log::Haproxy, text);

    assert!(accounts.by_client.is_empty());
}
