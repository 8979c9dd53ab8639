//! What a process is, from /proc: more than its name, to know whose time-outs it has.

mod cache;
mod elf;
mod jar;
mod package_json;
mod read;
mod words;

use serde::{Deserialize, Serialize};

pub use cache::Programs;
pub use read::read;
pub use words::{base_name_without_version, runtime_of};

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

#[cfg(test)]
mod files_tests;
#[cfg(test)]
mod package_json_tests;
#[cfg(test)]
mod process_tests;
#[cfg(test)]
mod words_tests;
