//! Whether an end of a connection is a product, by its process and its responses.

use super::{Likelihood, Product, Products, Row, Spoken, model::Meets};
use crate::{
    labels::{Protocol, Side},
    products::keywords::{base_name_without_version, runtime_of},
    program::Program,
};

/// What is known of the end that keeps a timer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observed<'a> {
    /// The program of the process on this host.
    pub program: Option<&'a Program>,
    /// Name of the process on this host (`comm`); empty when it is not known.
    pub process: &'a str,
    /// `Server` of the responses.
    pub server: Option<&'a str>,
    /// `Keep-Alive: timeout=` of the responses, seconds.
    pub announced: Option<u32>,
    /// What is spoken on its connections, where it is known.
    pub protocol: Option<Protocol>,
    /// The end is the process on this host; else it is its peer, of which only headers tell.
    pub own: bool,
}

/// How sure it is that an end is a product, and why.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) likelihood: Likelihood,
    pub(super) reasons: Vec<String>,
}

impl Observed<'_> {
    fn words(&self) -> &[String] {
        self.program.map_or(&[], |program| &program.words)
    }
}

impl Identity {
    fn of(likelihood: Likelihood, reason: String) -> Self {
        Self { likelihood, reasons: vec![reason] }
    }

    const fn possible() -> Self {
        Self { likelihood: Likelihood::Possible, reasons: Vec::new() }
    }
}

impl Products {
    /// Whether `row` of `product` is kept at that end. `None` when what is known speaks against it.
    pub(super) fn identify(
        &self,
        product: &Product,
        row: &Row,
        side: Side,
        observed: &Observed<'_>,
    ) -> Option<Identity> {
        let meets = row.meets(observed.protocol);
        if meets == Meets::No {
            return None;
        }
        let header = observed.server.filter(|_| side == Side::Server);
        let named = header.filter(|header| names_in(header, product));
        if !observed.own {
            return match (header, named) {
                (_, Some(header)) => {
                    Some(Identity::of(Likelihood::Named, format!("its Server header is {header}")))
                }
                // It would have put its own name there.
                (Some(_), None) if !product.server.is_empty() => None,
                _ => Some(Identity::possible()),
            };
        }
        let mut identity = self.identify_process(product, row, side, observed)?;
        // A library says nothing of connections that may not be its own, and neither does a proxy of HTTP.
        let is_sure = product.runtime.is_none() && matches!(product.protocols, Spoken::Of(_));
        if meets == Meets::Perhaps && !is_sure {
            identity.likelihood = Likelihood::Possible;
        }
        let is_program = !observed.process.is_empty() && product.runtime.is_none();
        if named.is_some() && identity.likelihood == Likelihood::Possible && is_program {
            // The process has another name: it passes on the header of a server behind it.
            return None;
        }
        if let Some(header) = named {
            identity.likelihood = Likelihood::Named;
            identity.reasons.push(format!("its Server header is {header}"));
        } else if identity.likelihood == Likelihood::Possible && header.is_some_and(|it| self.is_known(it)) {
            return None;
        }
        Some(identity)
    }

    fn identify_process(
        &self,
        product: &Product,
        row: &Row,
        side: Side,
        observed: &Observed<'_>,
    ) -> Option<Identity> {
        let program = observed.program;
        let words = observed.words();
        let has = |word: &String| words.contains(word);
        if product.yields_to.iter().any(has) {
            return None;
        }
        let own_name = program.and_then(|program| program.executable.as_deref());
        let name = own_name.unwrap_or_else(|| title(observed.process));
        if !name.is_empty() && product.has_process(name, own_name.is_none()) {
            return Some(Identity::of(Likelihood::Named, format!("the process is {name}")));
        }
        if let Some(word) = product.words.iter().find(|word| has(word)) {
            let likelihood = self.by_word(product, row, side, observed);
            return Some(Identity::of(likelihood, format!("the process runs {word}")));
        }
        let depends = program.map_or(&[][..], |program| &program.depends);
        if let Some(word) = product.words.iter().find(|word| depends.contains(word)) {
            return Some(Identity::of(Likelihood::Likely, format!("its package.json depends on {word}")));
        }
        let runtime = program.and_then(|program| program.runtime.as_deref()).or_else(|| runtime_of(name));
        match (runtime, product.runtime.as_deref()) {
            (Some(is), Some(wanted)) if is == wanted => {
                if product.words.is_empty() {
                    return Some(Identity::of(Likelihood::Likely, format!("the process runs on {is}")));
                }
                // Clients of several makes live in one process.
                if side == Side::Server && self.others_named(product, row, side, observed).next().is_some() {
                    return None;
                }
                let reason = format!("the process runs on {is}; nothing names {}", product.name);
                Some(Identity::of(Likelihood::Possible, reason))
            }
            (Some(_), _) => None,
            // Nothing is known of the process, so nothing speaks against the product; but it must be a program.
            (None, _) => {
                let is_another = self.products.iter().any(|other| other.has_process(name, true));
                (product.is_program() && !is_another).then(Identity::possible)
            }
        }
    }

    /// A word names the only product on its side. Of several servers the first word does, as a command line comes
    /// before libraries; of several clients none.
    fn by_word(&self, product: &Product, row: &Row, side: Side, observed: &Observed<'_>) -> Likelihood {
        let words = observed.words();
        let place = |product: &Product| words.iter().position(|word| product.words.contains(word));
        let own = place(product);
        let alone = match side {
            Side::Server => self.others_named(product, row, side, observed).all(|other| place(other) > own),
            Side::Client => self.others_named(product, row, side, observed).next().is_none(),
        };
        if alone { Likelihood::Named } else { Likelihood::Likely }
    }

    /// Other products on the same runtime and side that a word names, whose timers are their own, and that could end the
    /// same connections.
    fn others_named<'a>(
        &'a self,
        product: &'a Product,
        row: &'a Row,
        side: Side,
        observed: &'a Observed<'_>,
    ) -> impl Iterator<Item = &'a Product> {
        let words = observed.words();
        let competes = move |other: &Row| {
            other.sides.contains(&side)
                && other.meets(observed.protocol) == Meets::Yes
                && other.phases.iter().any(|phase| row.phases.contains(phase))
        };
        self.products.iter().filter(move |other| {
            other.name != product.name
                && other.runtime == product.runtime
                && other.rows.iter().any(competes)
                && other.words.iter().any(|word| words.contains(word))
                && !other.yields_to.iter().any(|word| words.contains(word))
        })
    }

    fn is_known(&self, header: &str) -> bool {
        self.products.iter().any(|product| names_in(header, product))
    }
}

impl Product {
    /// Whether `name` is an executable of this product or, when `by_title`, a name that its process gives itself.
    fn has_process(&self, name: &str, by_title: bool) -> bool {
        let bare = base_name_without_version(name);
        let is = |known: &String| known == name || known == bare;
        self.executables.iter().any(is) || (by_title && self.processes.iter().any(is))
    }

    /// It can be a process on a host, and is not only met as a peer or on the way.
    fn is_program(&self) -> bool {
        !self.executables.is_empty() || self.runtime.is_some()
    }
}

/// Whether one of the words of a `Server` header is this product's: `Python/3.11 aiohttp/3.14.5`, `Jetty(9.4.57)`.
fn names_in(header: &str, product: &Product) -> bool {
    header.split_ascii_whitespace().any(|word| {
        let name = word.split(['/', '(']).next().unwrap_or(word);
        product.server.iter().any(|known| known.eq_ignore_ascii_case(name))
    })
}

/// What a process calls itself: `gunicorn: master [app]` and `puma 6.4.2 (tcp://...)` are gunicorn and puma.
fn title(process: &str) -> &str {
    process.split([':', ' ']).next().unwrap_or(process)
}
