//! Healthy connections that look like failures, with the software that CI installs: no false alarm. The whole is
//! `cargo xtask lab false-alarms`.

mod gate;

use lab::false_alarms::{Options, run};

/// What CI installs.
const SOFTWARE: [&str; 7] = ["curl", "haproxy", "nft", "nginx", "node", "python", "ss"];

/// More than this prove that the suite was played.
const AT_LEAST: usize = 36;

#[test]
fn nobody_cries_wolf_over_what_happens_every_day() {
    let Some(context) = gate::context() else { return };
    let options = Options { with: SOFTWARE.map(str::to_owned).to_vec(), ..Options::default() };

    let outcome = run(&options, &context).expect("the traps are played");

    let totals = outcome.totals();
    assert_eq!((totals.alarms, totals.invalid), (0, 0), "{outcome}");
    if totals.absent > 0 {
        return gate::skip(&outcome.to_string());
    }
    assert!(totals.played >= AT_LEAST, "{outcome}");
    // Not to know is no false alarm, and no answer.
    assert!(totals.unknown * 50 < totals.ends, "{outcome}");
}
