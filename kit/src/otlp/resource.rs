//! Description of the service in OTLP, and the values of attributes.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use uuid::Uuid;

/// Name under which all spans and metrics are recorded.
const SCOPE: &str = "gatepost";

/// Returns the description of one process of this service.
pub(super) fn resource(service: &str) -> Resource {
    let attributes = vec![
        text_value("service.name", service),
        text_value("service.namespace", SCOPE),
        text_value("service.version", env!("CARGO_PKG_VERSION")),
        text_value("service.instance.id", &Uuid::now_v7().to_string()),
    ];
    Resource { attributes, ..Resource::default() }
}

pub(super) fn scope() -> InstrumentationScope {
    let (name, version) = (SCOPE.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    InstrumentationScope { name, version, ..InstrumentationScope::default() }
}

pub(super) fn text_value(key: &str, text: &str) -> KeyValue {
    value(key, Value::StringValue(text.to_owned()))
}

pub(super) fn number_value(key: &str, number: impl Into<i64>) -> KeyValue {
    value(key, Value::IntValue(number.into()))
}

fn value(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
