//! What people do with each command: shown by its `--help`, and in its manual page. A test parses each line.

pub(super) const ALL: &str = "\
Examples:
  whohungup check
  whohungup watch --port 8080
  whohungup report --for 10m
  whohungup report --from http://127.0.0.1:9909";

pub(super) const WATCH: &str = "\
Examples:
  whohungup watch --trouble --port 8080
  whohungup watch --verdict idle-race --verdict premature-hangup
  whohungup watch --process nginx --for 10m
  whohungup watch --pod 'checkout-*' --count 1 --json | jq .evidence";

pub(super) const REPORT: &str = "\
Examples:
  whohungup report --for 10m --port 8080
  whohungup report --from http://127.0.0.1:9909 --markdown
  whohungup report --record /var/lib/whohungup/record --since yesterday";

pub(super) const TOP: &str = "\
Examples:
  whohungup top --port 8080
  whohungup top --from http://127.0.0.1:9909";

pub(super) const RUN: &str = "\
Examples:
  whohungup run --record /var/lib/whohungup/record
  whohungup run --listen 0.0.0.0:9909 --allowed-host node1.example";

pub(super) const CONFIG: &str = "\
Examples:
  whohungup config check /etc/whohungup/whohungup.toml
  whohungup config show
  whohungup config show --config new.toml --listen 0.0.0.0:9909";

pub(super) const CHECK: &str = "\
Examples:
  whohungup check
  whohungup check --json | jq .works";

pub(super) const DEBUG: &str = "\
Examples:
  whohungup debug bundle --from http://127.0.0.1:9909
  whohungup debug bundle --no-redact --output bundle.tar.gz";

pub(super) const SELFTEST: &str = "\
Examples:
  whohungup selftest
  whohungup selftest race --repeat 10";

pub(super) const COMPLETIONS: &str = "\
Examples:
  whohungup completions bash > /usr/share/bash-completion/completions/whohungup
  whohungup completions zsh > /usr/share/zsh/vendor-completions/_whohungup
  whohungup completions fish > /usr/share/fish/vendor_completions.d/whohungup.fish";

pub(super) const MAN: &str = "\
Examples:
  whohungup man | man -l -
  whohungup man /usr/local/share/man/man1";
