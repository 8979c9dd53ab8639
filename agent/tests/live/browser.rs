//! Chromium, driven through its DevTools protocol over a pair of pipes.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use harness::gate::find;
use serde_json::{Value, json};
use tempfile::TempDir;

const ANSWERS_WITHIN: Duration = Duration::from_mins(1);
const SHOWN_WITHIN: Duration = Duration::from_secs(30);
/// The protocol's descriptors are 3 and 4.
const SCRIPT: &str = "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "--window-size=1280,1000",
];

/// A page in a browser of its own. Dropping it ends the browser.
pub(crate) struct Page {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    events: Vec<Value>,
    session: Option<String>,
    calls: u64,
    _profile: TempDir,
}

impl Page {
    /// An empty page.
    pub(crate) fn new() -> Self {
        let chromium = find("chromium").expect("Chromium is installed");
        let profile = tempfile::tempdir().expect("a directory");
        let mut child = start(&chromium, profile.path());
        let to = child.stdin.take().expect("piped");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, from) = mpsc::channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                let message = std::mem::take(&mut message);
                if sender.send(serde_json::from_slice(&message).expect("JSON")).is_err() {
                    return;
                }
            }
        });
        let mut page =
            Self { child, to, from, events: Vec::new(), session: None, calls: 0, _profile: profile };
        let target = page.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached =
            page.call("Target.attachToTarget", &json!({ "targetId": target["targetId"], "flatten": true }));
        page.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        page
    }

    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = serde_json::to_vec(&message).expect("JSON");
        bytes.push(0);
        self.to.write_all(&bytes).expect("ask the browser");
        let until = Instant::now() + ANSWERS_WITHIN;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let answer = self.from.recv_timeout(left).unwrap_or_else(|error| panic!("{method}: {error}"));
            if answer["id"] == self.calls {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    pub(crate) fn go(&mut self, url: &str) {
        self.call("Page.navigate", &json!({ "url": url }));
    }

    /// Runs `script` before anything of each page that is opened from now on.
    pub(crate) fn run_first(&mut self, script: &str) {
        self.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }));
    }

    /// Presses Enter where the focus is.
    pub(crate) fn press_enter(&mut self) {
        self.call("Emulation.setFocusEmulationEnabled", &json!({ "enabled": true }));
        for kind in ["keyDown", "keyUp"] {
            let key = json!({ "type": kind, "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13 });
            self.call("Input.dispatchKeyEvent", &key);
        }
    }

    /// The value of a JavaScript expression.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The text of the first element that a selector finds; empty when there is none.
    pub(crate) fn text(&mut self, selector: &str) -> String {
        let text = self.value(&format!("document.querySelector({selector:?})?.innerText ?? ''"));
        text.as_str().expect("text").to_owned()
    }

    /// Waits until an expression holds.
    pub(crate) fn wait_for(&mut self, expression: &str) {
        let until = Instant::now() + SHOWN_WITHIN;
        // While the page is being loaded there is nothing to look at.
        let holds =
            format!("(() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }})()");
        while self.value(&holds) != true {
            if Instant::now() > until {
                let shown = self.text("body");
                panic!("never: {expression}; shown is:\n{shown}");
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// What went wrong in the page: exceptions, refused loads, breaches of its policy.
    pub(crate) fn complaints(&self) -> Vec<&Value> {
        let bad = |event: &&Value| {
            event["method"] == "Runtime.exceptionThrown"
                || (event["method"] == "Log.entryAdded" && event["params"]["entry"]["level"] == "error")
        };
        self.events.iter().filter(bad).collect()
    }
}

fn start(chromium: &Path, profile: &Path) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "sh"]).arg(chromium).args(FLAGS);
    command.arg(format!("--user-data-dir={}", profile.display()));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("start chromium")
}

impl Drop for Page {
    fn drop(&mut self) {
        // Fails only when it has ended already; its other processes end with it.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
