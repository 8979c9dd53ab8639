//! What a process is: more than its name, to know whose timeouts it has.

use serde::{Deserialize, Serialize};

/// A program, as /proc shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Base name of the executable.
    pub executable: Option<String>,
    /// What it runs on: `node`, `python`, `java`, `go`, `ruby`, `dotnet`, ...
    pub runtime: Option<String>,
    /// Words that name a product, lower case, from its command line and its open libraries: `gunicorn`, `jetty`, ...
    pub words: Vec<String>,
    /// Words of the same kind among the dependencies in its package.json: `ali-oss`, `axios`, ... They need not be in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<String>,
}
