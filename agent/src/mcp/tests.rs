use serde_json::{Value, json};

use super::*;
use crate::cli::FromArgs;

fn source() -> Source {
    // Port 1 of the loopback is not listened at.
    let (from, record) = ("http://127.0.0.1:1".to_owned(), "/nowhere/record".into());
    Source::new(&McpArgs { from, from_args: FromArgs::default(), record }).expect("a source")
}

/// What is answered to these lines.
fn talk(input: &[u8]) -> Vec<Value> {
    let mut output = Vec::new();
    serve(&source(), input, &mut output).expect("in memory");
    let text = String::from_utf8(output).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn ask(message: &Value) -> Value {
    let mut answers = talk(format!("{message}\n").as_bytes());
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

fn request(method: &str, params: &Value) -> Value {
    ask(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }))
}

#[test]
fn clients_of_the_newest_version_need_no_handshake() {
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} });
    let found = request("server/discover", &json!({ "_meta": meta }));
    assert_eq!(found["result"]["supportedVersions"][0], "2026-07-28");
    assert_eq!(found["result"]["resultType"], "complete");
    assert!(found["result"]["capabilities"]["tools"].is_object() && found["result"]["ttlMs"].is_u64());
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "1900-01-01" });
    let refused = request("tools/list", &json!({ "_meta": meta }));
    assert_eq!(
        (&refused["error"]["code"], &refused["error"]["data"]["requested"]),
        (&json!(-32022), &json!("1900-01-01"))
    );
}

#[test]
fn older_clients_begin_with_a_handshake() {
    let version = |asked: &str| {
        request("initialize", &json!({ "protocolVersion": asked, "capabilities": {}, "clientInfo": {} }))["result"]
            ["protocolVersion"]
            .clone()
    };
    assert_eq!(version("2025-06-18"), "2025-06-18");
    assert_eq!(version("1999-01-01"), "2025-11-25");
    assert!(talk(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n").is_empty());
}

#[test]
fn every_tool_has_a_schema_that_says_what_it_takes() {
    let listed = request("tools/list", &json!({}));
    let tools = listed["result"]["tools"].as_array().expect("tools");
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["list_services", "report", "query_closes", "explain_close"]);
    for tool in tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true);
        assert_eq!(tool["inputSchema"]["additionalProperties"], false);
        // Each name that the schema has is one that is read.
        for (name, schema) in tool["inputSchema"]["properties"].as_object().expect("properties") {
            let sample = match (schema["type"].as_str(), schema["enum"].get(0)) {
                (Some("integer"), _) => json!(1),
                (_, Some(word)) => word.clone(),
                _ if name == "id" => json!("1-1"),
                _ => json!("1h"),
            };
            let mut arguments = json!({ "id": "1-1" });
            if tool["name"] != "explain_close" {
                arguments = json!({});
            }
            arguments[name] = sample;
            let answer = request("tools/call", &json!({ "name": tool["name"], "arguments": arguments }));
            let text = answer["result"]["content"][0]["text"].as_str().expect("text");
            assert!(!text.contains("unknown field") && text.contains("no daemon answers"), "{name}: {text}");
        }
    }
}

#[test]
fn what_cannot_be_answered_is_an_answer_with_a_remedy() {
    let said = |name: &str, arguments: Value| {
        let answer = request("tools/call", &json!({ "name": name, "arguments": arguments }));
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        answer["result"]["content"][0]["text"].as_str().expect("text").to_owned()
    };
    assert!(said("report", json!({})).contains("whohungup run"));
    assert!(said("query_closes", json!({ "since": "soon" })).contains("--since"));
    assert!(said("query_closes", json!({ "verdict": "no" })).contains("no"));
    assert!(said("query_closes", json!({ "prot": 80 })).contains("unknown field `prot`"));
    assert!(said("explain_close", json!({ "id": "x" })).contains("two hexadecimal numbers"));
    assert!(said("explain_close", json!([])).contains("struct"));
    let unknown = request("tools/call", &json!({ "name": "rm\u{1b}[2J", "arguments": {} }));
    assert_eq!(unknown["error"]["code"], -32602);
    assert!(!unknown.to_string().contains("\\u001b"), "{unknown}");
}

#[test]
fn hostile_input_is_refused_and_what_follows_is_answered() {
    let ping = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";
    let deep = ["[".repeat(100_000), "\n".to_owned()].concat();
    let long = [" ".repeat(3 << 20), "\n".to_owned()].concat();
    let cases: [(&[u8], i64); 9] = [
        (b"{\n", -32700),
        (b"\xff\xfe\n", -32700),
        (deep.as_bytes(), -32700),
        (long.as_bytes(), -32600),
        (b"[]\n", -32600),
        (b"7\n", -32600),
        (b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}\n", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}\n", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"resources/list\"}\n", -32601),
    ];
    for (input, code) in cases {
        let answers = talk(&[input, b"\n\r\n", ping].concat());
        let shown = String::from_utf8_lossy(&input[..input.len().min(60)]).into_owned();
        assert_eq!(answers.len(), 2, "{shown}");
        assert_eq!(
            (answers[0]["error"]["code"].as_i64(), &answers[1]["id"]),
            (Some(code), &json!(1)),
            "{shown}"
        );
    }
    // An answer to what we never asked, and the last line without its end.
    assert!(talk(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n").is_empty());
    assert_eq!(talk(&ping[..ping.len() - 1]).len(), 1);
}
