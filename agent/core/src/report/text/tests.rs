use super::*;
use crate::{
    advice::{
        Meta, build,
        fixtures::{endpoint, losses, products, risky},
    },
    close::LossReason,
    endpoint::Endpoint,
    labels::Role,
    workload::{Workload, from_cgroup_path},
};

fn page(endpoints: &[Endpoint], columns: usize, top: usize) -> String {
    let meta = Meta {
        from: "2026-01-01T00:00:00Z".to_owned(),
        until: "2026-01-01T00:10:00Z".to_owned(),
        observed_seconds: 600.0,
        kernel: "6.12".to_owned(),
        version: "0.1.0".to_owned(),
        ..Meta::default()
    };
    text(&build(endpoints, &products(), meta), Look { columns, coloured: false, top })
}

#[test]
fn a_losing_server_is_reported_from_head_to_advice() {
    let mut node = risky(Role::Server, "node", Risk::Losing, 6.0, None);
    node.announced = Some(5);
    node.at_risk = 3;
    let text = page(&[node], 100, 10);
    let expected = "\
10.0 min from 2026-01-01T00:00:00Z to 2026-01-01T00:10:00Z; Linux 6.12, whohungup 0.1.0
100 closes; nothing was missed
2 requests lost: 2 to idle closes.

   SERVICE                                     STATE       LOST   SHARE   SERVER    CLIENT  HEADROOM
1. node:8080                                   LOST           2   0.50%   6.00 s   >6.00 s      none

1. node server on port 8080  REQUESTS LOST
";
    assert!(text.starts_with(expected), "{text}");
    for line in [
        "closes       100 closes: 98 server-idle, 2 idle-race (2 crossed)",
        "requests     400, 4.0 per connection; 75 % on a reused connection idle for up to 5.90 s",
        "at stake     2 requests lost: 2 to idle closes; 3 requests sent within 0.60 s of the server's",
        "timers       server idle 6.00 s, 98 closes (100 %)",
        "               Node.js 22 `server.keepAliveTimeout`: the process is node",
        "announced    the server announces `Keep-Alive: timeout=5` and closes 1.00 s later",
        "why          2 requests were lost. The server closes idle connections after 6.00 s; clients keep",
        "do           The server (`Node.js`): set `server.keepAliveTimeout = 70000`. The clients' idle",
        "or           The client: lower the pool's idle timeout to 5 s, or validate connections before use. A",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn the_drawing_puts_gaps_and_timers_on_one_axis() {
    let text = page(&[risky(Role::Server, "node", Risk::Tie, 6.0, Some(6.0))], 80, 10);
    let row = |label: &str| text.lines().find(|line| line.starts_with(label)).expect("a row").to_owned();
    let last = |row: &str| row.trim_end().chars().count();
    let (gaps, server, client) = (row("reused"), row("server shuts"), row("client shuts"));
    assert_eq!(last(&server), last(&client), "{text}");
    assert!(last(&gaps).abs_diff(last(&server)) <= 1, "a gap of 5.9 s beside a timer of 6 s:\n{text}");
}

#[test]
fn lines_keep_to_the_width() {
    let mut wide = risky(Role::Server, "a-long-process-", Risk::Losing, 6.0, None);
    wide.server = Some("x".repeat(64));
    for columns in [60, 80, 100, 5000] {
        let text = page(&[wide.clone(), endpoint(Role::Client, "quiet")], columns, 10);
        let limit = columns.clamp(60, 100);
        for line in text.lines().filter(|line| !line.contains("quiet") && !line.contains("PROCESS")) {
            assert!(line.chars().count() <= limit, "{columns}: {line}");
        }
    }
}

#[test]
fn quiet_endpoints_share_a_bounded_table() {
    let many: Vec<_> = (0..30).map(|i| endpoint(Role::Client, &format!("p{i}"))).collect();
    let text = page(&many, 80, 10);
    assert!(text.contains("No request was lost, and no idle timeouts disagree or tie."), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with('p')).count(), 10, "{text}");
    assert!(text.contains("20 more are not shown; --top 30 shows all."), "{text}");
    assert!(
        text.contains("p0               client   8080      100      4.0    5.90 s         -         -"),
        "{text}"
    );
}

#[test]
fn there_is_no_all_clear_above_a_loss_or_over_what_was_not_seen() {
    let said = |losing: Option<LossReason>, meta: &dyn Fn(&mut Meta)| {
        let mut curl = endpoint(Role::Client, "curl");
        curl.losses = losing.map(|reason| losses(reason, 12)).unwrap_or_default();
        let mut sum = Meta::default();
        meta(&mut sum);
        text(
            &build(&[curl, endpoint(Role::Server, "node")], &products(), sum),
            Look { columns: 100, coloured: false, top: 9 },
        )
    };
    assert!(said(None, &|_| {}).contains("Quiet"));
    for &reason in LossReason::ALL {
        let lost = said(Some(reason), &|_| {});
        assert!(lost.contains("12 requests lost: ") && !lost.contains("Quiet"), "{lost}");
        assert!(lost.contains("1. curl client of port 8080  REQUESTS LOST"), "{lost}");
        assert!(reason == LossReason::IdleRace || lost.contains("\ndo "), "{lost}");
    }
    let beyond = said(None, &|meta| (meta.endpoints_over, meta.endpoints_beyond) = (40, 7));
    assert!(beyond.contains("7 endpoints beyond the limit") && !beyond.contains("Quiet"), "{beyond}");
    let unseen = said(None, &|meta| meta.events_lost = 3);
    assert!(unseen.contains("lost unseen: 3 records lost") && !unseen.contains("Quiet"), "{unseen}");
}

#[test]
fn hostile_strings_and_numbers_leave_no_control_character_and_no_panic() {
    let mut hostile = risky(Role::Server, "\u{1b}]0;x\u{7}\r\n", Risk::Losing, f64::MAX, None);
    hostile.server = Some("\u{202e}\u{1b}[2J".to_owned());
    hostile.gaps.bins = vec![(f64::MAX, u64::MAX), (-1.0, u64::MAX), (0.0, 1)];
    hostile.gaps.longest = Some(-5.0);
    hostile.closes = u64::MAX;
    hostile.timers[0].bins = vec![u32::MAX; 3];
    hostile.timers[0].least = -f64::MAX;
    let mut model = build(&[hostile.clone()], &products(), Meta::default());
    // As a daemon that lies would answer.
    for report in &mut model.endpoints {
        report.endpoint.verdicts = vec![(crate::labels::Verdict::PrematureHangup, u64::MAX); 2];
        report.endpoint.started = u64::MAX;
        report.named.clear();
    }
    model.endpoints.push(model.endpoints[0].clone());
    let text = text(&model, Look { columns: 80, coloured: false, top: usize::MAX });
    let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(bad), "{text:?}");
    assert!(text.lines().all(|line| line.chars().count() < 400), "{text}");
}

#[test]
fn colour_is_there_when_asked_for() {
    let model = build(&[risky(Role::Server, "node", Risk::Losing, 6.0, None)], &products(), Meta::default());
    assert!(text(&model, Look { columns: 80, coloured: true, top: 1 }).contains("\u{1b}[1m"));
    assert!(!text(&model, Look { columns: 80, coloured: false, top: 1 }).contains('\u{1b}'));
}

#[test]
fn the_head_counts_a_service_once_and_denies_no_loss_that_it_could_not_see() {
    let risky = |role| risky(role, "node", Risk::Mismatch, 6.0, None);
    let head = |endpoints: &[Endpoint]| page(endpoints, 100, 10);
    let both = head(&[risky(Role::Client), risky(Role::Server)]);
    assert!(both.contains("Timeouts disagree at 1 endpoint."), "{both}");
    // The server's gaps were not seen: it comes first, and only the client's end knows that they disagree.
    let mut unaware = risky(Role::Server);
    unaware.risk = Risk::Unknown;
    let one = head(&[risky(Role::Client), unaware]);
    assert!(one.contains("Timeouts disagree at 1 endpoint."), "{one}");
    let mut quiet = endpoint(Role::Client, "curl");
    quiet.idle_resets = 2;
    let reset = head(&[quiet.clone()]);
    assert!(reset.contains("2 idle connections ended with a reset by the server"), "{reset}");
    assert!(!reset.contains("No request was lost"), "{reset}");
    quiet.idle_resets = 0;
    quiet.verdicts = vec![(crate::labels::Verdict::Unknown, 4)];
    let unknown = head(&[quiet]);
    assert!(
        unknown.contains("No lost request was seen") && unknown.contains("4 closes without a verdict"),
        "{unknown}"
    );
}

#[test]
fn one_line_for_each_service_comes_first_and_fits() {
    let of_port = |port: u16, endpoint: Endpoint| {
        let key = crate::endpoint::EndpointKey { server_port: Some(port), ..endpoint.key };
        Endpoint { key, ..endpoint }
    };
    let mut java = of_port(9090, risky(Role::Server, "java", Risk::Mismatch, 20.0, Some(60.0)));
    java.workload = from_cgroup_path("/system.slice/shop-backend.service").map(Workload::new);
    let nginx = of_port(443, risky(Role::Server, "nginx", Risk::Safe, 75.0, Some(60.0)));
    let all = [
        of_port(5432, endpoint(Role::Client, "curl")),
        nginx,
        java,
        risky(Role::Server, "node", Risk::Losing, 6.0, None),
    ];
    let expected = "
   SERVICE                 STATE       LOST   SHARE   SERVER    CLIENT  HEADROOM
1. node:8080               LOST           2   0.50%   6.00 s   >6.00 s      none
2. java:9090 in shop-back… disagree       0       -   20.0 s    60.0 s   -40.0 s
   nginx:443               safe           0       -   75.0 s    60.0 s    15.0 s
   curl -> :5432           -              0       -        -         -         -

1. node server";
    let text = page(&all, 80, 10);
    assert!(text.contains(expected), "{text}");
    let few = page(&all, 80, 2);
    assert!(few.contains("\n2 more services are not shown; --top 4 shows all.\n"), "{few}");
    for (columns, wanted, unwanted) in [(72, "HEADROOM", "SHARE"), (60, "CLIENT", "HEADROOM")] {
        let text = page(&all, columns, 10);
        let lines: Vec<_> = text.lines().skip_while(|line| !line.contains("SERVICE")).take(5).collect();
        assert!(lines[0].contains(wanted) && !lines[0].contains(unwanted), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= columns), "{text}");
    }
    let quiet = page(&[endpoint(Role::Client, "curl")], 80, 10);
    assert!(!quiet.contains("SERVICE") && quiet.contains("Quiet: "), "{quiet}");
}
