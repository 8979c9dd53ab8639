//! What a process is, from /proc: more than its name, to know whose time-outs it has.

mod cache;
mod elf;
mod jar;
mod package_json;
mod read;

pub use cache::Programs;
pub use read::read;

#[cfg(test)]
mod files_tests;
#[cfg(test)]
mod package_json_tests;
#[cfg(test)]
mod process_tests;
