//! Precedence, places of faults, and that nothing of the file can drift from the flags.

use std::{fs, path::Path};

use super::{definition::is_list, *};

fn args(words: &str) -> Vec<OsString> {
    words.split_whitespace().map(OsString::from).collect()
}

fn parsed(content: &str) -> Result<File, ConfigError> {
    File::parse(Path::new("w.toml"), content, &Definition::new())
}

fn faults(content: &str) -> Vec<String> {
    match parsed(content) {
        Err(ConfigError::Problems(problems)) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{content}: {other:?}"),
    }
}

/// The settings of a command line with a file of this content.
fn settings(content: &str, words: &str) -> Settings {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("w.toml");
    fs::write(&path, content).expect("written");
    Settings::of(args(&words.replace("FILE", &path.display().to_string()))).expect("settings")
}

fn one(settings: &Settings, key: &str) -> Setting {
    let all = settings.effective().expect("settings");
    all.into_iter().find(|setting| setting.key == key).expect(key)
}

#[test]
fn a_flag_beats_the_file_and_the_file_beats_the_default() {
    let content = "listen = \"127.0.0.1:1111\"\nring-bytes = 8192\nrecord-port = [80, 443]\n";
    let shown = settings(content, "whohungup config show --config FILE --listen=127.0.0.1:2222");
    let listen = one(&shown, "listen");
    assert_eq!((listen.values, listen.source), (vec!["127.0.0.1:2222".to_owned()], Source::Flag));
    let ring = one(&shown, "ring-bytes");
    assert_eq!(ring.values, ["8192"]);
    assert!(matches!(ring.source, Source::File(_, 2)), "{:?}", ring.source);
    assert_eq!(one(&shown, "record-port").values, ["80", "443"]);
    assert_eq!(one(&shown, "max-endpoints").source, Source::Default);
    assert_eq!(one(&shown, "record").source, Source::Unset);
    let run = settings(content, "whohungup run --config=FILE");
    let Ok(Cli { command: crate::cli::Command::Run(run) }) = Cli::try_parse_from(run.command_line()) else {
        panic!("run")
    };
    assert_eq!(
        (run.listen.port(), run.observe.ring_bytes, run.record.record_port),
        (1111, 8192, vec![80, 443])
    );
}

#[test]
fn the_file_is_for_run_alone_and_help_needs_none() {
    for words in ["whohungup watch --config FILE", "whohungup run --config /nowhere --help"] {
        let settings = settings("nonsense", words);
        assert!(settings.file().is_none(), "{words}");
    }
    let missing = Settings::of(args("whohungup run --config /nowhere/w.toml")).expect_err("no file");
    assert!(missing.to_string().contains("/nowhere/w.toml"), "{missing}");
}

#[test]
fn each_fault_has_its_place_and_its_remedy() {
    let all = faults("listen = \"nonsense\"\n\n  ring_bytes = 4096\nhttp-inspection = \"grpc\"\nxyz = 1\n");
    for (fault, parts) in all.iter().zip([
        &["w.toml:1:10: ", "invalid socket address", "--listen"][..],
        &["w.toml:3:3: unknown key `ring_bytes`", "did you mean `ring-bytes`?"],
        &["w.toml:4:19: ", "possible values: on, off"],
        &["w.toml:5:1: unknown key `xyz`", "run --help"],
    ]) {
        assert!(parts.iter().all(|part| fault.contains(part)), "{parts:?}: {fault}");
        assert_eq!(fault.lines().count(), 1, "{fault}");
    }
    assert_eq!(all.len(), 4);
    for (content, part) in [
        ("listen = [\"127.0.0.1:1\", \"127.0.0.1:2\"]", "w.toml:1:10: `listen`: takes one value"),
        ("record-port = []", "an empty list"),
        ("listen = true", "expected text or a number"),
        ("[run]\nlisten = \"127.0.0.1:1\"", "w.toml:1:2: unknown key `run`"),
        ("config = \"other.toml\"", "unknown key `config`"),
        ("listen = ", "w.toml:1:"),
        ("ring-bytes = 1\nring-bytes = 2", "w.toml:2:"),
    ] {
        let said = faults(content).join("\n");
        assert!(said.contains(part), "{content}: {said}");
    }
}

#[test]
fn what_one_key_needs_of_another_is_looked_at_with_all_of_them() {
    let file = parsed("workload-names = \"api\"").expect("each for itself is right");
    let said = file.check_all(&Definition::new()).expect_err("no node's name").to_string();
    assert!(said.contains("--node-name"), "{said}");
    let file = parsed("workload-names = \"api\"\nnode-name = \"n1\"").expect("right");
    file.check_all(&Definition::new()).expect("right together");
}

#[test]
fn the_file_that_is_installed_has_every_key_with_its_default() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/whohungup.toml");
    if std::env::var_os("WHOHUNGUP_WRITE_DOCS").is_some() {
        fs::write(path, sample()).expect("write it");
    }
    let installed = fs::read_to_string(path).expect("deploy/whohungup.toml");
    assert_eq!(installed, sample(), "WHOHUNGUP_WRITE_DOCS=1 cargo test -p whohungup --lib config writes it");
    parsed(&installed).expect("as it is, it changes nothing");
    let definition = Definition::new();
    let with_defaults = definition.keys().filter(|arg| !arg.get_default_values().is_empty());
    for arg in with_defaults {
        let key = arg.get_long().expect("a flag");
        let line = installed.lines().find_map(|line| {
            let line = line.strip_prefix('#')?;
            line.starts_with(&format!("{key} = ")).then_some(line)
        });
        let file = parsed(line.unwrap_or_else(|| panic!("{key} is not there"))).expect(key);
        let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        assert_eq!(file.entries[0].values.join(","), defaults.join(","), "{key}");
        assert!(is_list(arg) || defaults.len() == 1, "{key}");
    }
}

#[test]
fn every_key_has_an_environment_variable_and_no_short_flag_of_another_meaning() {
    for arg in Definition::new().keys() {
        let key = arg.get_long().expect("a flag");
        assert!(arg.get_env().is_some(), "{key} has no environment variable");
    }
}

#[test]
fn what_is_shown_is_a_configuration_file() {
    let shown = settings(
        "record-omit = [\"headers\"]\nrecord = \"/a \\\"b\\\" \\\\ c\"",
        "whohungup config show --config FILE",
    );
    let effective = shown.effective().expect("settings");
    let set = effective.iter().filter(|setting| setting.source != Source::Unset);
    let lines: Vec<_> = set.map(|setting| format!("{} = {}", setting.key, setting.value())).collect();
    let text = lines.join("\n");
    let again = parsed(&text).expect("a file");
    for setting in effective.iter().filter(|setting| setting.source != Source::Unset) {
        let entry = again.entries.iter().find(|entry| entry.key == setting.key).expect("a key");
        assert_eq!(entry.values, setting.values, "{}", setting.key);
    }
}
