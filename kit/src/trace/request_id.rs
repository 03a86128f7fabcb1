//! Id that a caller or a proxy gives to a request, by the header `x-request-id`.

use http::HeaderMap;
use uuid::Uuid;

const REQUEST_ID: &str = "x-request-id";

/// Length of a UUID with its dashes.
const UUID_BYTES: usize = 36;

/// Returns the id of the request, if it is a UUID with dashes: any other text may be a secret.
pub fn from_headers(headers: &HeaderMap) -> Option<Uuid> {
    let text = headers.get(REQUEST_ID)?.to_str().ok().filter(|text| text.len() == UUID_BYTES)?;
    Uuid::try_parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_uuids_are_accepted() {
        let read = |text: &str| {
            from_headers(&[("x-request-id".parse().unwrap(), text.parse().unwrap())].into_iter().collect())
        };
        let id = "0198d7a1-52f0-7d0a-9d2e-0d1f5b3c9a11";
        assert_eq!(read(id).map(|id| id.to_string()).as_deref(), Some(id));
        for other in ["", "eyJhbGciOiJFZERTQSJ9", "a token", &"0".repeat(32), &"0".repeat(36)] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
