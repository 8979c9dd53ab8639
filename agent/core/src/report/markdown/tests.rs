use super::*;
use crate::endpoint::Risk;
use crate::{
    advice::{
        Meta, build,
        fixtures::{endpoint, products, risky},
    },
    labels::Role,
};

#[test]
fn a_report_reads_as_a_ticket() {
    let node = risky(Role::Server, "node", Risk::Losing, 6.0, None);
    let text = markdown(&build(&[node, endpoint(Role::Client, "curl")], &products(), Meta::default()), 10);
    for line in [
        "## whohungup report",
        "**2 requests lost: 2 to idle closes.**",
        "| | service | state | lost | share | server | client | headroom |",
        "| 1 | `node:8080` | LOST | 2 | 0.50% | 6.00 s | \\>6.00 s | none |",
        "### 1. `node` server on port 8080: requests lost",
        "- 100 closes: 98 server-idle, 2 idle-race (2 crossed)",
        "| server idle 6.00 s | 98 closes (100 %) | Node.js 22 `server.keepAliveTimeout`: the process is node |",
        "| `curl` | client | 8080 | 100 | 4.0 | 5.90 s | - | - |  |",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(
        text.contains("\n- **Do:** The server (`Node.js`): set `server.keepAliveTimeout = 70000`."),
        "{text}"
    );
    assert_eq!(text.matches("```").count(), 2, "{text}");
}

#[test]
fn names_cannot_end_cells_code_or_lines() {
    let hostile = "a|b`c\n# d";
    let mut loud = risky(Role::Server, hostile, Risk::Losing, 6.0, None);
    loud.server = Some("<script>|`@team".to_owned());
    let text = markdown(&build(&[loud, endpoint(Role::Client, hostile)], &products(), Meta::default()), 10);
    assert!(!text.contains("\n# d"), "{text}");
    assert!(text.contains("### 1. ``a|b`c?# d`` server"), "{text}");
    assert!(text.contains("| ``a\\|b`c?# d`` | client |"), "{text}");
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    for row in text.lines().filter(|line| line.starts_with("| server idle")) {
        assert_eq!(bars(row), 4, "{row}");
    }
}

#[test]
fn prose_is_escaped_and_code_is_not() {
    assert_eq!(prose("a *b* `c*d` <e>"), "a \\*b\\* `c*d` \\<e\\>");
    assert_eq!(prose("one ` only"), "one  only");
    assert_eq!(cell("a|b `c|d`"), "a\\|b `c\\|d`");
    assert_eq!(code("`x`"), "`` `x` ``");
}
