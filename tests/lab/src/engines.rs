//! What other programs make of the record and of the API: the queries of the docs and of deploy/examples, run by the engines
//! that they are for; the API's description, tried by schemathesis; `whohungup mcp`, asked by the official client.

use std::{fmt, path::Path};

use anyhow::Result;

use crate::{
    catalogue::{self, Need},
    plays,
    suite::{Context, Results, Suite, absence},
};

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/programs/engines");
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const NEEDS: [&str; 5] = ["chdb", "duckdb", "mcp", "pandas", "schemathesis"];
/// What reads the record, and what asks the daemon.
const PLAYS: [&str; 2] = ["play.py", "api.py"];

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {}

/// A line for each query, or why none could be asked.
#[derive(Debug)]
pub struct Answers(Result<String, String>);

impl Suite for Options {
    fn needs(&self) -> Vec<Need> {
        catalogue::needs(&NEEDS)
    }

    fn run(&self, context: &Context) -> Result<Box<dyn Results>> {
        Ok(Box::new(run(context)?))
    }
}

/// Has an agent record closes, and asks for them.
///
/// # Errors
/// When an answer is not what the lines of the record say, or in CI software is missing.
pub fn run(context: &Context) -> Result<Answers> {
    let kit = context.kit()?;
    if let Some(why) = absence(&kit, "engines", &catalogue::needs(&NEEDS))? {
        return Ok(Answers(Err(why)));
    }
    let paths = [&context.agent, Path::new(REPOSITORY)].map(|path| path.display().to_string());
    let variables: Vec<_> =
        ["AGENT", "REPOSITORY"].into_iter().zip(&paths).map(|(name, path)| (name, path.as_str())).collect();
    let texts: Result<Vec<_>> =
        PLAYS.iter().map(|play| plays::run(&kit, PROGRAMS, &[(*play).to_owned()], &variables)).collect();
    Ok(Answers(Ok(texts?.concat())))
}

impl Answers {
    /// Why nothing was asked.
    pub fn absence(&self) -> Option<&str> {
        self.0.as_ref().err().map(String::as_str)
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(text) => f.write_str(text),
            Err(why) => writeln!(f, "{why}"),
        }
    }
}

impl Results for Answers {
    fn json(&self) -> Result<String> {
        Ok(serde_json::json!({ "answers": self.to_string() }).to_string() + "\n")
    }

    fn is_right(&self) -> bool {
        self.0.is_ok()
    }
}
