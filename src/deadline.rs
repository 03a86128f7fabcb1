//! The caller's deadline in the `grpc-timeout` header.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Returns the caller's time limit, or `None` if the header is absent or malformed. A server's own limit never depends
/// on it.
///
/// Source: the gRPC wire format, `Timeout → "grpc-timeout" TimeoutValue TimeoutUnit`, at most eight digits. The format
/// allows no plus sign, but tonic's timer accepts one, so this function must too: otherwise tonic's timer fires first.
pub fn requested(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(&GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    // Parses digits, or a plus and digits, as tonic does.
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
    fn timeout_of_every_unit_is_parsed() {
        assert_eq!(parse("2H"), Some(Duration::from_hours(2)));
        assert_eq!(parse("3M"), Some(Duration::from_mins(3)));
        assert_eq!(parse("4S"), Some(Duration::from_secs(4)));
        assert_eq!(parse("500m"), Some(Duration::from_millis(500)));
        assert_eq!(parse("7u"), Some(Duration::from_micros(7)));
        assert_eq!(parse("8n"), Some(Duration::from_nanos(8)));
        assert_eq!(parse("+9S"), Some(Duration::from_secs(9)), "tonic accepts it too");
        assert_eq!(parse("99999999H"), Some(Duration::from_hours(99_999_999)));
    }

    #[test]
    fn malformed_timeout_counts_as_absent() {
        for text in ["", "5", "S", "-1S", "1.5S", "123456789S", "1s", "1 S", "+S", "+12345678S", "é"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(requested(&HeaderMap::new()), None);
    }
}
