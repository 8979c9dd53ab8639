//! The data that is built in.

use std::fs;

use super::super::*;
use crate::{
    endpoint::Timer,
    labels::{Clock, Phase, Protocol, Side},
    program::Program,
};

fn builtin() -> Products {
    Products::load(FILES).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_built_in_data_loads() {
    let products = builtin();
    let files: usize = FILES.iter().map(|(_, text)| text.matches("[[product.timer]]").count()).sum();
    assert_eq!(products.rows().count(), files, "each timer of the files is there");
    assert_eq!(Products::builtin().rows().count(), files);
}

#[test]
fn every_row_can_be_matched_and_written() {
    for (product, row) in builtin().rows() {
        let what = format!("{}: {}", product.name, row.setting.name);
        let written = row.setting.value_in(7.0);
        assert!(
            !written.contains('{') || written.matches('{').count() == written.matches('}').count(),
            "{what}"
        );
        assert_eq!(row.setting.fixed, !written.contains('7'), "{what}: {written}");
        assert_eq!(
            row.nominal == Nominal::Announced,
            row.earliest(Some(20)) != row.earliest(Some(40)),
            "{what}"
        );
        let bounds = row.setting.least.zip(row.setting.most);
        assert!(bounds.is_none_or(|(least, most)| least < most), "{what}");
        if let Nominal::Seconds(seconds) = row.nominal {
            assert!(
                row.setting.fixed || row.setting.takes(seconds),
                "{what}: its default is out of its range"
            );
        }
    }
}

#[test]
fn every_product_is_known_by_something_or_only_met_as_a_peer() {
    for product in builtin().products() {
        let program = !product.executables.is_empty() || product.runtime.is_some();
        let processes_alone = !product.processes.is_empty() || !product.words.is_empty();
        assert!(
            program || !processes_alone,
            "{}: words or names, but neither executable nor runtime",
            product.name
        );
    }
}

#[test]
fn every_row_is_found_by_what_it_says() {
    let products = builtin();
    for (product, row) in products.rows() {
        let Some(seconds) = row.earliest(Some(20)) else { continue };
        let protocol = match &row.protocols {
            Some(Spoken::Of(these)) => these[0],
            Some(Spoken::NotHttp) => Protocol::Redis,
            Some(Spoken::Any | Spoken::Http) | None => Protocol::Http,
        };
        let program = Program {
            executable: product.executables.first().cloned(),
            runtime: product.runtime.clone(),
            words: product.words.first().cloned().into_iter().collect(),
            depends: Vec::new(),
        };
        let own = program != Program::default();
        let observed = Observed {
            program: own.then_some(&program),
            own,
            announced: (row.nominal == Nominal::Announced || row.announces != Announces::Never)
                .then_some(if row.nominal == Nominal::Announced { 20 } else { seconds as u32 }),
            protocol: Some(protocol),
            ..Observed::default()
        };
        let timer = Timer {
            side: row.sides[0],
            phase: row.phases[0],
            clock: row.clock,
            seconds,
            least: seconds,
            most: seconds,
            count: 20,
            share: 1.0,
            bins: Vec::new(),
        };
        let what = format!("{}: {}", product.name, row.setting.name);
        let identity = products.identify(product, row, row.sides[0], &observed);
        assert!(identity.is_some(), "{what}: {observed:?}");
        assert!(matching::governs(row, &timer), "{what}");
        assert!(matching::fits(row, &timer, observed.announced).is_some(), "{what}");
    }
}

#[test]
fn founding_facts_are_in_the_table() {
    let products = builtin();
    let row = |product: &str, side, phase, clock| {
        products
            .rows()
            .filter(|(is, row)| {
                is.name == product
                    && row.sides.contains(&side)
                    && row.phases.contains(&phase)
                    && row.clock == clock
            })
            .map(|(_, row)| row.earliest(None))
            .collect::<Vec<_>>()
    };
    assert_eq!(row("nginx", Side::Server, Phase::Idle, Clock::Idle), [Some(75.0)]);
    assert_eq!(row("nginx", Side::Client, Phase::Idle, Clock::Idle), [Some(60.0)]);
    assert_eq!(row("Node.js", Side::Server, Phase::Idle, Clock::Idle), [Some(5.0), Some(6.0)]);
    assert_eq!(row("Go net/http", Side::Client, Phase::Idle, Clock::Idle), [Some(90.0)]);
    assert_eq!(row("requests / urllib3", Side::Client, Phase::Idle, Clock::Idle), [None]);
}

#[test]
fn the_table_in_the_docs_is_in_step() {
    const BEGIN: &str = "<!-- table: begin -->\n";
    const END: &str = "<!-- table: end -->\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/timeouts.md");
    let docs = fs::read_to_string(path).expect("docs/timeouts.md");
    let (before, rest) = docs.split_once(BEGIN).expect("the table's begin");
    let (shown, after) = rest.split_once(END).expect("the table's end");
    let wanted = table(&builtin());
    if shown != wanted && std::env::var_os("WRITE_DOCS").is_some() {
        fs::write(path, format!("{before}{BEGIN}{wanted}{END}{after}")).expect("docs/timeouts.md is written");
        return;
    }
    assert!(
        shown == wanted,
        "the table is not in step: run this test again with WRITE_DOCS=1 and commit the result"
    );
}
