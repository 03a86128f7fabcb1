//! The caller's deadline, as the `grpc-timeout` header states it.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// How long the caller is willing to wait, or `None` when the header is absent or malformed: a server's own limit never
/// depends on it.
///
/// Source: the gRPC wire format, `Timeout → "grpc-timeout" TimeoutValue TimeoutUnit`, at most eight digits. A plus before
/// them is no part of it, but tonic's own timer takes it: whoever overlooked it here would be overtaken by that one.
pub fn requested(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(&GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    // Digits alone, or after a plus: what tonic reads.
    let value: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(value * 3600)),
        "M" => Some(Duration::from_secs(value * 60)),
        "S" => Some(Duration::from_secs(value)),
        "m" => Some(Duration::from_millis(value)),
        "u" => Some(Duration::from_micros(value)),
        "n" => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", text.parse().unwrap());
        requested(&headers)
    }

    #[test]
    fn every_unit_is_read() {
        assert_eq!(parse("2H"), Some(Duration::from_hours(2)));
        assert_eq!(parse("3M"), Some(Duration::from_mins(3)));
        assert_eq!(parse("4S"), Some(Duration::from_secs(4)));
        assert_eq!(parse("500m"), Some(Duration::from_millis(500)));
        assert_eq!(parse("7u"), Some(Duration::from_micros(7)));
        assert_eq!(parse("8n"), Some(Duration::from_nanos(8)));
        assert_eq!(parse("+9S"), Some(Duration::from_secs(9)), "as tonic reads it");
        assert_eq!(parse("99999999H"), Some(Duration::from_hours(99_999_999)));
    }

    #[test]
    fn anything_else_counts_as_absent() {
        for text in ["", "5", "S", "-1S", "1.5S", "123456789S", "1s", "1 S", "+S", "+12345678S", "é"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(requested(&HeaderMap::new()), None);
    }
}
