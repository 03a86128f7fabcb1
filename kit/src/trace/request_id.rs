//! Id that a caller or a proxy gives to a request, by the header `x-request-id`.

use http::HeaderMap;

const REQUEST_ID: &str = "x-request-id";

/// Most digits and dashes of an id: a UUID has 36.
const MAX_BYTES: usize = 36;

/// Returns the id of the request, if it is a UUID or up to 36 hexadecimal digits: any other text may be a secret.
pub(super) fn read(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_id = !text.is_empty()
        && text.len() <= MAX_BYTES
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_id.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_are_read() {
        let read = |text: &str| read(&[("x-request-id".parse().unwrap(), text.parse().unwrap())].into_iter().collect());
        for id in ["0198d7a1-52f0-7d0a-9d2e-0d1f5b3c9a11", "0198d7a152f07d0a9d2e0d1f5b3c9a11", "7F"] {
            assert_eq!(read(id).as_deref(), Some(id));
        }
        for other in ["", "eyJhbGciOiJFZERTQSJ9", "a token", &"0".repeat(37)] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
