//! JSON-RPC 2.0 and the part of the Model Context Protocol that a server of tools has
//! (<https://modelcontextprotocol.io/specification/2026-07-28>); clients that begin with `initialize` are understood too.

use serde_json::{Value, json};

use super::{source::Source, tools};

/// Newest first. The first needs no handshake, the others begin with `initialize`.
const VERSIONS: [&str; 4] = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"];

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const UNSUPPORTED_PROTOCOL_VERSION: i32 = -32022;

/// The tools change with the program alone.
const FRESH_MS: u64 = 3_600_000;

const INSTRUCTIONS: &str = "whohungup says, for every TCP connection that ends on this Linux host, who hung up and why. \
     Begin with `report` (what is wrong, and which setting to change) or `list_services`; \
     `query_closes` finds single closes of a past time, `explain_close` tells why one ended. All tools only read.";

/// A fault with its code.
pub(super) struct Fault {
    code: i32,
    message: String,
    data: Option<Value>,
}

impl Fault {
    fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }
}

/// What is answered to a line; `None` to a notification, and to what answers us.
pub(super) fn answer(source: &Source, line: &[u8]) -> Option<Value> {
    let message: Value = match serde_json::from_slice(line) {
        Ok(message) => message,
        Err(error) => {
            return Some(failed(Value::Null, Fault::new(PARSE_ERROR, format!("not JSON: {error}"))));
        }
    };
    let id = message.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
    let is_answer = message.get("method").is_none()
        && (message.get("result").is_some() || message.get("error").is_some());
    if is_answer {
        return None;
    }
    let (Some("2.0"), Some(method)) = (text(&message, "jsonrpc"), text(&message, "method")) else {
        let fault = Fault::new(
            INVALID_REQUEST,
            "not a request of JSON-RPC 2.0: an object with `jsonrpc` and `method`",
        );
        return Some(failed(id.unwrap_or_default(), fault));
    };
    let Some(id) = id else {
        let is_notification = message.get("id").is_none();
        let fault = Fault::new(INVALID_REQUEST, "`id` is neither a text nor a number");
        return (!is_notification).then(|| failed(Value::Null, fault));
    };
    let params = message.get("params").unwrap_or(&Value::Null);
    Some(match result(source, method, params) {
        Ok(mut result) => {
            // What the newest version asks for is unknown to the older ones, and does them no harm.
            result["resultType"] = json!("complete");
            result["_meta"] = json!({ "io.modelcontextprotocol/serverInfo": server_info() });
            let mut answer = json!({ "jsonrpc": "2.0", "result": result });
            answer["id"] = id;
            answer
        }
        Err(fault) => failed(id, fault),
    })
}

/// The answer to a message that was not read to its end.
pub(super) fn too_long(most: u64) -> Value {
    failed(Value::Null, Fault::new(INVALID_REQUEST, format!("a message has at most {most} bytes")))
}

fn failed(id: Value, fault: Fault) -> Value {
    let Fault { code, message, data } = fault;
    let mut error = json!({ "code": code, "message": message });
    if let Some(data) = data {
        error["data"] = data;
    }
    let mut answer = json!({ "jsonrpc": "2.0", "error": error });
    answer["id"] = id;
    answer
}

fn text<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of.get(name)?.as_str()
}

fn server_info() -> Value {
    json!({ "name": "whohungup", "version": env!("CARGO_PKG_VERSION") })
}

/// With the members that every result gets, an object.
fn result(source: &Source, method: &str, params: &Value) -> Result<Value, Fault> {
    let meta = params.get("_meta");
    let asked = meta.and_then(|meta| text(meta, "io.modelcontextprotocol/protocolVersion"));
    if let Some(asked) = asked.filter(|asked| !VERSIONS.contains(asked)) {
        return Err(Fault {
            code: UNSUPPORTED_PROTOCOL_VERSION,
            message: "unsupported protocol version".to_owned(),
            data: Some(json!({ "supported": VERSIONS, "requested": asked })),
        });
    }
    let capabilities = json!({ "tools": {} });
    match method {
        "server/discover" => Ok(json!({
            "supportedVersions": VERSIONS, "capabilities": capabilities, "instructions": INSTRUCTIONS,
            "ttlMs": FRESH_MS, "cacheScope": "public",
        })),
        "initialize" => {
            // Who asks this way speaks none of the newest.
            let asked = text(params, "protocolVersion");
            let version = VERSIONS[1..].iter().find(|known| Some(**known) == asked).unwrap_or(&VERSIONS[1]);
            Ok(json!({
                "protocolVersion": version, "capabilities": capabilities, "serverInfo": server_info(),
                "instructions": INSTRUCTIONS,
            }))
        }
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": tools::list(), "ttlMs": FRESH_MS, "cacheScope": "public" })),
        "tools/call" => {
            let name = text(params, "name").ok_or_else(|| Fault::params("`name` of a tool is missing"))?;
            let arguments = params.get("arguments").cloned().unwrap_or_else(|| json!({}));
            tools::call(source, name, arguments)
        }
        other => {
            let shown = whohungup_core::sanitize::clean(other, 60);
            Err(Fault::new(METHOD_NOT_FOUND, format!("`{shown}` is not known here")))
        }
    }
}
