//! Translation of ended spans into OTLP, by the semantic conventions for RPC.

use std::time::Duration;

use chrono::{DateTime, Utc};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use tonic::Code;

use super::resource::{number_value, text_value};
use crate::codes::{code_name, code_number};
use crate::trace::{SpanRecord, SpanRole};

/// Name that the conventions have for the method of a call outside of the contract.
const OTHER_METHOD: &str = "_OTHER";

/// Translates a span.
pub(super) fn span(record: &SpanRecord) -> Span {
    let start = nanos(record.begun);
    let (kind, is_error) = match record.role {
        SpanRole::Server => (SpanKind::Server, is_server_error(record.code)),
        SpanRole::Client => (SpanKind::Client, record.code != Code::Ok),
    };
    Span {
        trace_id: record.context.trace().to_bytes().to_vec(),
        span_id: record.context.span().to_bytes().to_vec(),
        parent_span_id: record.parent.map(|parent| parent.to_bytes().to_vec()).unwrap_or_default(),
        // The lowest byte has the flags of W3C Trace Context.
        flags: u32::from(record.context.is_sampled()),
        name: record.method.as_ref().to_owned(),
        kind: kind.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: start.saturating_add(duration_nanos(record.elapsed)),
        attributes: attributes(record),
        status: is_error.then(|| Status { message: String::new(), code: StatusCode::Error.into() }),
        ..Span::default()
    }
}

fn attributes(record: &SpanRecord) -> Vec<KeyValue> {
    let mut all = vec![text_value("rpc.system", "grpc")];
    match record.method.rsplit_once('/') {
        Some((service, method)) => {
            all.extend([text_value("rpc.service", service), text_value("rpc.method", method)]);
        }
        None => all.push(text_value("rpc.method", OTHER_METHOD)),
    }
    all.push(number_value("rpc.grpc.status_code", code_number(record.code)));
    if record.code != Code::Ok {
        all.push(text_value("error.type", code_name(record.code)));
    }
    if let Some(reason) = &record.failure.reason {
        all.push(text_value("gatepost.reason", reason));
    }
    if let Some(id) = &record.failure.request_id {
        all.push(text_value("gatepost.request_id", id));
    }
    if let Some(identity) = &record.subject {
        all.push(text_value("enduser.id", &identity.subject));
    }
    if let Some(peer) = record.peer {
        all.push(text_value("client.address", &peer.ip().to_canonical().to_string()));
        all.push(number_value("client.port", peer.port()));
    }
    all
}

/// Returns true for a code that is the server's fault, by the conventions for gRPC.
fn is_server_error(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// Returns the nanoseconds since 1970.
pub(super) fn nanos(time: DateTime<Utc>) -> u64 {
    time.timestamp_nanos_opt().and_then(|nanos| nanos.try_into().ok()).unwrap_or_default()
}

fn duration_nanos(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}
