//! Headers that name the compression of a request or of its answer.

use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
pub(super) const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// Compressions of requests that the server reads, as a refusal lists them.
const READ_ENCODINGS: HeaderValue = HeaderValue::from_static("identity,gzip");

/// Returns true if the messages of a request may be compressed with gzip. The header is removed, because the handler
/// gets plain messages.
pub(in super::super) fn take_encoding(headers: &mut HeaderMap) -> bool {
    let is_gzip = headers.get(GRPC_ENCODING).is_some_and(|encoding| encoding == GZIP);
    if is_gzip {
        headers.remove(GRPC_ENCODING);
    }
    is_gzip
}

/// Returns true if the client reads answers that are compressed with gzip.
pub(in super::super) fn is_accepted(headers: &HeaderMap) -> bool {
    let mut lists = headers.get_all(GRPC_ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    lists.any(|list| list.split(',').any(|encoding| encoding.trim() == "gzip"))
}

/// Replaces the list of compressions in the transport's refusal of an unknown one. Returns false if it has no list.
pub(in super::super) fn correct_list(headers: &mut HeaderMap) -> bool {
    headers.get_mut(GRPC_ACCEPT_ENCODING).map(|list| *list = READ_ENCODINGS).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn gzip_is_found_in_lists_and_taken_from_requests() {
        for (values, expected) in [
            (&["gzip"][..], true),
            (&["identity, deflate, gzip"], true),
            (&["identity", "deflate,gzip"], true),
            (&["identity,xgzip"], false),
            (&["GZIP"], false),
            (&[], false),
        ] {
            assert_eq!(is_accepted(&headers(&GRPC_ACCEPT_ENCODING, values)), expected, "{values:?}");
        }
        let mut taken = headers(&GRPC_ENCODING, &["gzip"]);
        assert!(take_encoding(&mut taken) && taken.is_empty());
        let mut other = headers(&GRPC_ENCODING, &["deflate"]);
        assert!(!take_encoding(&mut other) && other.len() == 1, "the handler refuses it");
    }
}
