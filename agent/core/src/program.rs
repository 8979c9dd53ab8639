//! What a process is: more than its name, to know whose timeouts it has.

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
    /// Words of the same kind that the package.json of its application has among its dependencies: `ali-oss`, `axios`, ... Nothing
    /// says that they are in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<String>,
}
