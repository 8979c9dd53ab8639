use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;

/// Of no password that anybody knows.
const USERS: &str =
    "basic_auth_users:\n  alice: $2b$04$qhbXPZyXjaYEV6aFWqVxWOzOvtFvSpbgSyj6wJrYgLSmcRBUcWcCe\n";
const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

/// A directory with a certificate and its key.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    renew(&directory);
    directory
}

fn renew(directory: &TempDir) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    write(directory, "server.crt", &made.cert.pem());
    write(directory, "server.key", &made.signing_key.serialize_pem());
}

/// As an editor and a rotation do: another file in its place.
fn write(directory: &TempDir, name: &str, text: &str) {
    let beside = directory.path().join("new");
    fs::write(&beside, text).expect("write");
    fs::rename(beside, directory.path().join(name)).expect("rename");
}

fn open(directory: &TempDir, text: &str) -> Result<(WebConfig, Arc<Counts>), String> {
    write(directory, "web.yml", text);
    let counts = Arc::default();
    let shown = format!("{}/", directory.path().display());
    let opened = WebConfig::open(&directory.path().join("web.yml"), &counts);
    opened.map(|web| (web, counts)).map_err(|error| error.to_string().replace(&shown, ""))
}

#[test]
fn files_are_named_from_the_directory_of_the_one_that_names_them() {
    let directory = directory();
    let (web, _) = open(&directory, &[TLS, USERS].concat()).expect("a configuration");
    let access = web.current();
    assert!(access.acceptor().is_some() && access.users().is_some());
    assert_eq!(access.protection(), Protection { tls: true, client_certificates: false, passwords: true });
}

#[test]
fn what_cannot_be_used_is_named_with_its_file() {
    let directory = directory();
    write(&directory, "empty", "");
    let ca = |kind: &str| format!("{TLS}  client_auth_type: {kind}\n");
    for (text, part) in [
        (TLS.replace("server.crt", "missing.crt"), "cannot read missing.crt"),
        (TLS.replace("server.crt", "empty"), "empty: no certificate"),
        (TLS.replace("server.key", "empty"), "empty: no private key"),
        (ca("RequireAndVerifyClientCert"), "web.yml: client_auth_type verifies certificates"),
        (ca("NoClientCert") + "  client_ca_file: server.crt\n", "web.yml: client_ca_file is not used"),
        (ca("VerifyClientCertIfGiven") + "  client_ca_file: empty\n", "empty: no certificate"),
        ("[]".to_owned(), "web.yml:1:1"),
    ] {
        let said = open(&directory, &text).expect_err(&text);
        assert!(said.starts_with(part) || said.contains(part), "{text}: {said}");
    }
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    write(&directory, "server.key", &other.signing_key.serialize_pem());
    let said = open(&directory, TLS).expect_err("another's key");
    assert!(said.contains("server.key must be its key"), "{said}");
}

#[test]
fn a_change_holds_at_once_and_one_that_cannot_be_used_leaves_what_was() {
    let directory = directory();
    let (web, counts) = open(&directory, &[TLS, USERS].concat()).expect("a configuration");
    let first = web.current();
    assert!(Arc::ptr_eq(&first, &web.current()), "nothing has changed");

    renew(&directory);
    let renewed = web.current();
    assert!(!Arc::ptr_eq(&first, &renewed) && !counts.stats().is_stale, "a new certificate");

    for unusable in ["", "basic_auth_user: {}", USERS, TLS] {
        write(&directory, "web.yml", unusable);
        assert!(Arc::ptr_eq(&renewed, &web.current()), "{unusable:?}");
        assert!(counts.stats().is_stale, "{unusable:?}");
    }
    write(&directory, "web.yml", &[TLS, USERS, "# the same\n"].concat());
    assert!(!Arc::ptr_eq(&renewed, &web.current()) && !counts.stats().is_stale);

    // The half of a rotation: a certificate whose key has not come yet.
    let current = web.current();
    let next = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    write(&directory, "server.crt", &next.cert.pem());
    assert!(Arc::ptr_eq(&current, &web.current()) && counts.stats().is_stale);
    write(&directory, "server.key", &next.signing_key.serialize_pem());
    assert!(!Arc::ptr_eq(&current, &web.current()) && !counts.stats().is_stale);
}

#[test]
fn a_file_of_another_is_noticed_though_its_time_and_size_are_the_same() {
    let directory = directory();
    let path = directory.path().join("web.yml");
    let (web, _) = open(&directory, USERS).expect("a configuration");
    let then = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
    fs::File::open(&path).and_then(|file| file.set_modified(then)).expect("set the time");
    let first = web.current();
    write(&directory, "web.yml", &USERS.replace("alice", "carol"));
    fs::File::open(&path).and_then(|file| file.set_modified(then)).expect("set the time");
    assert!(!Arc::ptr_eq(&first, &web.current()));
}

#[test]
fn an_address_that_others_reach_is_dangerous_without_a_password_or_certificate_over_tls() {
    let protection = |tls, client_certificates, passwords| Protection { tls, client_certificates, passwords };
    let elsewhere = "0.0.0.0".parse().expect("an address");
    for (safe, protected) in [
        (false, protection(false, false, false)),
        (false, protection(true, false, false)),
        (false, protection(false, false, true)),
        (true, protection(true, true, false)),
        (true, protection(true, false, true)),
    ] {
        assert_eq!(protected.danger(elsewhere).is_none(), safe, "{protected:?}");
        for loopback in ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(protected.danger(loopback.parse().expect("an address")), None, "{loopback}");
        }
    }
}
