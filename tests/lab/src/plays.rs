//! What is played is data: the files in `plays`.

use serde::de::DeserializeOwned;

/// # Panics
/// When a file of the lab's own sources is not what its reader says.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> T {
    toml::from_str(text).expect("a file in tests/lab/plays")
}
