//! What a process is, from /proc: more than its name, to know whose timeouts it has.

mod cache;
mod elf;
mod jar;
mod package_json;
mod read;

pub use cache::ProgramCache;
pub use read::read;

#[cfg(test)]
mod tests;
