//! Timeouts of the world's servers, proxies, load balancers and clients, as data, and which of them a timer can be.
//!
//! The data is in `products/*.toml`; docs/timeouts.md says how it is matched and how a row is added.

mod candidates;
mod identify;
mod idle_setting;
pub mod keywords;
mod load;
mod matching;
pub mod model;
mod table;

use std::{collections::HashMap, sync::LazyLock};

pub use candidates::{Candidate, Likelihood};
pub use identify::Observed;
pub use idle_setting::{IdleDefault, IdleSetting};
pub use load::LoadError;
pub use model::{Announces, Closes, Nominal, Product, Row, Setting, Spoken};
pub use table::table;

/// The embedded files, in the order of the table in the docs.
const FILES: &[(&str, &str)] = &[
    ("servers.toml", include_str!("products/servers.toml")),
    ("python.toml", include_str!("products/python.toml")),
    ("runtimes.toml", include_str!("products/runtimes.toml")),
    ("proxies.toml", include_str!("products/proxies.toml")),
    ("balancers.toml", include_str!("products/balancers.toml")),
    ("clouds.toml", include_str!("products/clouds.toml")),
    ("clients.toml", include_str!("products/clients.toml")),
    ("databases.toml", include_str!("products/databases.toml")),
    ("brokers.toml", include_str!("products/brokers.toml")),
    ("poolers.toml", include_str!("products/poolers.toml")),
    ("pools_java.toml", include_str!("products/pools_java.toml")),
    ("pools_compiled.toml", include_str!("products/pools_compiled.toml")),
    ("pools_node.toml", include_str!("products/pools_node.toml")),
    ("pools_python.toml", include_str!("products/pools_python.toml")),
];

/// Everything that is known of timeouts.
#[derive(Debug, Default)]
pub struct Products {
    products: Vec<Product>,
    /// Words and libraries that name a product, and the word that they stand for.
    words: HashMap<String, String>,
}

impl Products {
    /// What is built in. A test loads it, so it is empty only in a build whose tests failed.
    pub fn builtin() -> &'static Self {
        static BUILTIN: LazyLock<Products> = LazyLock::new(|| Products::load(FILES).unwrap_or_default());
        &BUILTIN
    }

    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// Every row with its product.
    pub fn rows(&self) -> impl Iterator<Item = (&Product, &Row)> {
        self.products.iter().flat_map(|product| product.rows.iter().map(move |row| (product, row)))
    }

    /// The word by which `name` (lower case: a word or a library's name without its version) names a product.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.words.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
