//! DuckDB, ClickHouse and pandas read the record, and answer the queries of the docs as the record's lines do.

mod gate;

#[test]
fn every_documented_query_is_answered_by_the_engine_that_it_is_for() {
    let Some(context) = gate::context() else { return };

    let answers = lab::engines::run(&context).expect("the engines answer");

    if let Some(why) = answers.absence() {
        return gate::skip(why);
    }
    let text = answers.to_string();
    for engine in ["duckdb", "clickhouse", "pandas", "schemathesis", "mcp"] {
        assert!(text.lines().any(|line| line.starts_with(engine)), "{engine}: {text}");
    }
}
