//! The sources keep their walls: modules import each other one way, tests are where they belong, names are the field's.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::repository::path;

/// The crates of the agent.
const CRATES: [&str; 4] = ["agent/core/src", "agent/bpf/src", "agent/src", "agent-ebpf/src"];
/// Words that only this project would understand (the docs' are in `style`).
const PRIVATE: [&str; 7] = ["told", "lore", "kin", "keeper", "sought", "newcomers", "knob"];

/// Every Rust file below a folder, with its text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("list {}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path.clone(), fs::read_to_string(&path).expect("a source")));
        }
    }
    found
}

/// Without comments, and without tests, which may import from everywhere.
fn product(path: &Path, text: &str) -> String {
    if path.components().any(|part| part.as_os_str().to_string_lossy().contains("tests")) {
        return String::new();
    }
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The modules of this crate at its top that `text` imports.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, begins) in text.match_indices("crate::") {
        let rest = &text[at + begins.len()..];
        let mut depth = 0;
        let mut names = String::new();
        for letter in rest.chars() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ if depth > 1 => {}
                ';' | ' ' | '(' | ')' | '<' | '>' if depth == 0 => break,
                _ => names.push(letter),
            }
            if depth == 0 && (letter == '}' || names.ends_with(':')) {
                break;
            }
        }
        let all = names.split(',').filter_map(|name| name.trim().split(':').next());
        found.extend(all.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    found
}

/// A way from a module back to itself.
fn cycle(graph: &BTreeMap<String, BTreeSet<String>>, way: &mut Vec<String>) -> Option<Vec<String>> {
    let newest = way.last()?.clone();
    for next in graph.get(&newest).into_iter().flatten() {
        if let Some(at) = way.iter().position(|one| one == next) {
            return Some(way[at..].to_vec());
        }
        way.push(next.clone());
        let found = cycle(graph, way);
        way.pop();
        if found.is_some() {
            return found;
        }
    }
    None
}

#[test]
fn modules_import_each_other_one_way() {
    for folder in CRATES {
        let root = path(folder);
        let mut graph = BTreeMap::<String, BTreeSet<String>>::new();
        for (file, text) in sources(&root) {
            let below = file.strip_prefix(&root).expect("a file of the crate");
            let module = below.iter().next().expect("a name").to_string_lossy();
            let module = module.trim_end_matches(".rs").to_owned();
            // Helpers of tests make closes of every module.
            if ["lib", "main", "testing"].contains(&&*module) || below.ends_with("sample.rs") {
                continue;
            }
            let mut imported = imports(&product(&file, &text));
            imported.remove(&module);
            graph.entry(module).or_default().extend(imported);
        }
        assert!(
            graph.values().any(|imported| !imported.is_empty()) || folder == "agent-ebpf/src",
            "{folder}"
        );
        for module in graph.keys() {
            let found = cycle(&graph, &mut vec![module.clone()]);
            assert!(found.is_none(), "{folder}: these import each other: {found:?}");
        }
    }
}

#[test]
fn imports_are_read() {
    let text = "use crate::{\n    close::{Facts, record::Code},\n    labels::Role,\n};\nuse crate::http;\nlet x = crate::say(1);";
    let expected = ["close", "http", "labels", "say"].map(str::to_owned);
    assert_eq!(imports(text), BTreeSet::from(expected));
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = BTreeMap::<String, BTreeSet<String>>::new();
        for (from, to) in edges {
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        graph
    };
    let way = || vec!["a".to_owned()];
    assert!(cycle(&graph(&[("a", "b"), ("b", "c")]), &mut way()).is_none());
    assert!(cycle(&graph(&[("a", "b"), ("b", "a")]), &mut way()).is_some());
}

#[test]
fn no_test_is_elsewhere_than_beside_its_module() {
    for folder in
        ["agent", "agent-ebpf/src", "tests/harness", "tests/lab/src", "tests/testserver", "xtask/src"]
    {
        let found: Vec<_> = sources(&path(folder))
            .into_iter()
            .filter(|(_, text)| text.lines().any(|line| line.trim_start().starts_with("#[path")))
            .map(|(file, _)| file)
            .collect();
        assert!(found.is_empty(), "#[path] in {found:?}");
    }
}

#[test]
fn no_private_word_is_a_name() {
    let mut found = Vec::new();
    for folder in CRATES {
        // A name in the programs is in the built object too: there it changes with the next build.
        let is_built = |file: &Path| file.starts_with(path("agent-ebpf/src/probes"));
        for (file, text) in sources(&path(folder)).into_iter().filter(|(file, _)| !is_built(file)) {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            for line in text.lines().map(str::trim_start).filter(|line| !line.starts_with("//")) {
                // What stands in quotes is for readers.
                let names = line.split('"').step_by(2).collect::<Vec<_>>().join(" ");
                let words = names.split(|letter: char| !letter.is_ascii_alphabetic());
                let is_private = |word: &str| PRIVATE.contains(&word.to_lowercase().as_str());
                if words.chain(stem.split('_')).any(is_private) {
                    found.push(format!("{}: {line}", file.display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "private words:\n{}", found.join("\n"));
}
