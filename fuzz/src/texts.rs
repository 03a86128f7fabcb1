//! Field masks, etags, emails, names, request ids and forwarded addresses: the small languages of requests.

use std::net::{IpAddr, Ipv4Addr};

use auth_service::domain::{Email, Name};
use http::{HeaderMap, HeaderName, HeaderValue};
use kit::mask::{MaskField, chosen};
use kit::peer::{CallerResolver, header_name, networks};

const FIELDS: [MaskField; 3] = [
    MaskField { name: "title", is_present: true },
    MaskField { name: "content", is_present: false },
    MaskField { name: "slug", is_present: true },
];

/// Reads the text in each of these languages.
pub fn texts(data: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(data) {
        forwarded(value);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    mask(text);
    etag(text);
    if let Ok(email) = Email::parse(text) {
        let again = Email::parse(email.as_str()).unwrap();
        assert_eq!(again.key(), email.key(), "an address has one key");
    }
    if let Ok(name) = Name::parse(text) {
        assert!(!name.as_str().chars().any(char::is_control));
    }
}

fn mask(text: &str) {
    let paths: Vec<String> = text.split(['\0', ',']).map(str::to_owned).collect();
    let Some(chosen) = chosen(Some(&paths), &FIELDS) else { return };
    assert_eq!(chosen, paths, "a mask chooses its own fields, in its order");
    assert!(chosen.iter().all(|name| FIELDS.iter().any(|field| field.name == *name)));
    let distinct: std::collections::BTreeSet<_> = chosen.iter().collect();
    assert_eq!(distinct.len(), chosen.len());
}

fn etag(text: &str) {
    if let Some(revision) = kit::etag::expected(text).filter(|revision| *revision != 0) {
        assert_eq!(kit::etag::from_revision(revision), text, "each revision has one etag");
    }
}

/// Resolves a caller behind a trusted proxy. Only the header of a trusted proxy is read.
fn forwarded(value: HeaderValue) {
    let (proxy, name) = (IpAddr::from(Ipv4Addr::new(10, 0, 0, 1)), "x-forwarded-for");
    let callers = CallerResolver::new(networks("10.0.0.0/8").unwrap(), header_name(name).ok());
    let hops = value.as_bytes().split(|byte| *byte == b',').count();
    let headers: HeaderMap = [(HeaderName::from_static(name), value)].into_iter().collect();
    assert!(hops <= 32 || callers.address(proxy, &headers) == proxy, "a long list is not read to its end");
    let stranger = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
    assert_eq!(callers.address(stranger, &headers), stranger, "a stranger's header is not read");
}
