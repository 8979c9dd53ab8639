//! What the software itself said: what its clients got, how it ended, what it logged.

use std::collections::BTreeMap;

use harness::Program;

/// A program of the lab says with such a line what came of one request: a status, or the name of an error.
const OUTCOME: &str = "outcome ";

#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    outcomes: BTreeMap<(String, String), u64>,
    quotes: Vec<(String, String)>,
}

impl Claims {
    /// Counts the program's outcomes under a name.
    pub(super) fn outcomes(&mut self, who: &str, program: &Program) {
        for word in program.text().lines().filter_map(|line| line.strip_prefix(OUTCOME)) {
            self.outcome(who, word);
        }
    }

    pub(super) fn outcome(&mut self, who: &str, word: &str) {
        *self.outcomes.entry((who.to_owned(), word.to_owned())).or_default() += 1;
    }

    /// Something that it said in words of its own.
    pub(super) fn quote(&mut self, who: &str, text: impl Into<String>) {
        self.quotes.push((who.to_owned(), text.into()));
    }

    /// How often somebody got this.
    pub(super) fn count(&self, who: &str, word: &str) -> u64 {
        self.outcomes.get(&(who.to_owned(), word.to_owned())).copied().unwrap_or(0)
    }

    /// How often somebody got anything.
    pub(super) fn all(&self, who: &str) -> u64 {
        self.outcomes.iter().filter(|((one, _), _)| one == who).map(|(_, count)| count).sum()
    }

    /// How often those who are meant got anything, and how often this.
    pub(super) fn sum(&self, is_meant: impl Fn(&str) -> bool, word: &str) -> (u64, u64) {
        let meant = self.outcomes.iter().filter(|((who, _), _)| is_meant(who));
        meant.fold((0, 0), |(all, so), ((_, one), count)| {
            (all + count, if one == word { so + count } else { so })
        })
    }

    pub(super) fn quoted(&self, who: &str) -> Option<&str> {
        self.quotes.iter().find(|(one, _)| one == who).map(|(_, text)| text.as_str())
    }

    /// `who`: one line for each.
    pub(super) fn lines(&self) -> Vec<(String, String)> {
        let mut lines: Vec<(String, String)> = Vec::new();
        for ((who, word), count) in &self.outcomes {
            let told = format!("{count} × {word}");
            match lines.last_mut() {
                Some((last, text)) if last == who => {
                    text.push_str(", ");
                    text.push_str(&told);
                }
                _ => lines.push((who.clone(), told)),
            }
        }
        lines.extend(self.quotes.iter().map(|(who, text)| (who.clone(), format!("“{text}”"))));
        lines
    }
}
