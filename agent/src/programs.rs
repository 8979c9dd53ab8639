//! What a process is, from /proc: more than its name, to know whose time-outs it has.

use serde::{Deserialize, Serialize};

/// A program, as /proc tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Base name of the executable.
    pub executable: Option<String>,
    /// What it runs on: `node`, `python`, `java`, `go`, `ruby`, `dotnet`, ...
    pub runtime: Option<String>,
    /// Words of its command line and the libraries that it has open which name a product, lower case: `gunicorn`, `uvicorn`, `jetty`, ...
    pub words: Vec<String>,
}
