//! What is wrong is an error that says where.

use super::super::*;

const GOOD: &str = r#"
[[product]]
name = "Served"
executables = ["served"]

[[product.timer]]
versions = "all"
sides = ["server"]
phases = ["idle"]
clock = "idle"
default = 5
setting = { name = "keep", write = "keep {s}s" }
source = "https://example.org/keep"
"#;

fn load(text: &str) -> Result<Products, String> {
    Products::load(&[("a.toml", text)]).map_err(|error| error.to_string())
}

fn refused(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    load(&GOOD.replace(from, to)).map(|_| ()).expect_err(to)
}

#[test]
fn a_good_file_loads() {
    let products = load(GOOD).expect("good");
    assert_eq!(products.rows().count(), 1);
}

#[test]
fn what_is_unknown_is_an_error() {
    for (from, to) in [
        ("versions =", "surprise = 1\nversions ="),
        ("executables =", "surprise = 1\nexecutables ="),
        ("executables =", "protocols = \"some\"\nexecutables ="),
        ("executables =", "protocols = [\"gopher\"]\nexecutables ="),
        ("name = \"keep\"", "surprise = 1, name = \"keep\""),
        ("\"idle\"]", "\"asleep\"]"),
        ("clock = \"idle\"", "clock = \"sundial\""),
        ("default = 5", "default = \"sometimes\""),
        ("source =", "# source ="),
        ("default =", "# default ="),
    ] {
        let error = refused(from, to);
        assert!(error.contains("a.toml"), "{to}: {error}");
    }
}

#[test]
fn what_makes_no_sense_is_an_error_that_names_product_and_setting() {
    for (from, to, says) in [
        ("default = 5", "default = 0", "no time"),
        ("default = 5", "default = nan", "no time"),
        ("default = 5", "default = 5\nbias = -5", "no time"),
        ("default = 5", "default = 5\ngranularity = -1", "out of range"),
        ("default = 5", "default = 5\nbias = inf", "out of range"),
        ("{s}s", "5s", "{s}"),
        ("{s}s", "{s} {ms}", "{s}"),
        ("keep {s}s\"", "keep {s}s\", fixed = true", "{s}"),
        ("keep {s}s\"", "keep {s}s\", most = -1", "most"),
        ("phases = [\"idle\"]", "phases = []", "phases"),
        ("phases = [\"idle\"]", "phases = [\"idle\", \"idle\"]", "phases"),
        ("phases = [\"idle\"]", "phases = [\"waiting\"]", "waiting"),
        ("phases = [\"idle\"]", "phases = [\"idle\"]\nprotocols = []", "protocols"),
        ("https://example.org/keep", "somebody said", "source"),
        ("versions = \"all\"", "versions = \" \"", "versions"),
    ] {
        let error = refused(from, to);
        assert!(error.contains(says) && error.contains("`Served`"), "{to}: {error}");
    }
}

#[test]
fn doubles_are_errors() {
    let timer = GOOD.split_once("[[product.timer]]").expect("a timer").1;
    let error =
        load(&format!("{GOOD}[[product.timer]]{timer}")).map(|_| ()).expect_err("twice the same timer");
    assert!(error.contains("twice"), "{error}");
    let error = load(&format!("{GOOD}{GOOD}")).map(|_| ()).expect_err("twice the same product");
    assert!(error.contains("taken by `Served`"), "{error}");
    let again = GOOD.replace("\"Served\"", "\"Other\"");
    let error =
        Products::load(&[("a.toml", GOOD), ("b.toml", &again)]).expect_err("twice the same executable");
    assert!(error.to_string().contains("b.toml") && error.to_string().contains("`served`"), "{error}");
}
