//! Header in which proxies list the addresses that a request came through, the last one on the right.

use std::net::{IpAddr, SocketAddr};

pub use http::HeaderName;
use http::HeaderValue;

/// Maximum number of proxies between a caller and this server.
const MAX_HOPS: usize = 32;

/// Headers that hold no list of addresses, or that this server reads itself.
const UNSUITABLE_HEADERS: [&str; 4] = ["forwarded", "authorization", "api-token", "host"];

/// Parses the name of the header that carries the caller's address, for clap.
///
/// # Errors
/// Fails with the text to write instead.
pub fn header_name(text: &str) -> Result<HeaderName, &'static str> {
    const RULE: &str = "write the name of a header that lists addresses, for example x-forwarded-for or x-real-ip";
    let name: HeaderName = text.trim().parse().map_err(|_| RULE)?;
    let is_fit = !UNSUITABLE_HEADERS.contains(&name.as_str()) && !name.as_str().starts_with("grpc-");
    if is_fit { Ok(name) } else { Err(RULE) }
}

/// Returns the right-most untrusted address, or the left-most one if all are trusted. Returns `None` after more than
/// [`MAX_HOPS`], or for a part that is not an address.
pub(super) fn right_most<'a>(
    values: impl DoubleEndedIterator<Item = &'a HeaderValue>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut last = None;
    let mut hops = values.rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    for hop in hops.by_ref().take(MAX_HOPS) {
        let address = address(hop)?;
        if !is_trusted(address) {
            return Some(address);
        }
        last = Some(address);
    }
    if hops.next().is_some() { None } else { last }
}

/// Parses an address, with or without a port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(with_port).or_else(in_brackets).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_that_is_not_a_list_of_addresses_is_refused() {
        for name in ["x-forwarded-for", "X-Real-IP", "cf-connecting-ip"] {
            assert!(header_name(name).is_ok(), "{name}");
        }
        for name in ["", "forwarded", "Authorization", "grpc-timeout", "a b", "x:y"] {
            assert!(header_name(name).is_err(), "{name}");
        }
    }
}
