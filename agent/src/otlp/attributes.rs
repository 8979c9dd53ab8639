//! Names and values as OTLP carries them.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value},
    resource::v1::Resource,
};
use serde_json::Value as Json;

pub(super) fn text(value: impl Into<String>) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(value.into())) }
}

pub(super) fn attribute(key: impl Into<String>, value: AnyValue) -> KeyValue {
    KeyValue { key: key.into(), value: Some(value), ..KeyValue::default() }
}

/// `None` of what is not known, and of objects, which have names of their own.
pub(super) fn value(json: &Json) -> Option<AnyValue> {
    let found = match json {
        Json::Null | Json::Object(_) => return None,
        Json::Bool(value) => Value::BoolValue(*value),
        // OTLP has no numbers without a sign: what is larger than its own is an id, and stays readable as text.
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), ..) => Value::IntValue(value),
            (None, Some(value), _) => Value::StringValue(value.to_string()),
            (.., value) => Value::DoubleValue(value?),
        },
        Json::String(value) => Value::StringValue(value.clone()),
        Json::Array(values) => {
            Value::ArrayValue(ArrayValue { values: values.iter().filter_map(value).collect() })
        }
    };
    Some(AnyValue { value: Some(found) })
}

/// Who sends: what `given` says comes before what is found out.
pub(super) fn resource(given: &[(String, String)], node: Option<&str>) -> Resource {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let own = [
        ("service.name", Some("whohungup".to_owned())),
        ("service.version", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("host.name", Some(host)),
        ("os.type", Some("linux".to_owned())),
        ("k8s.node.name", node.map(str::to_owned)),
    ];
    let is_given = |key: &str| given.iter().any(|(name, _)| name == key);
    let own = own.into_iter().filter(|(key, _)| !is_given(key));
    let own = own.filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let attributes =
        own.chain(given.iter().cloned()).map(|(key, value)| attribute(key, text(value))).collect();
    Resource { attributes, ..Resource::default() }
}
