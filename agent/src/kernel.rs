//! What the running kernel is like, read from its BTF; knows nothing of aya.

pub mod btf;
pub mod layout;
