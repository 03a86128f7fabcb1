//! Page tokens: only a token that the service has sealed opens, for its list and its day.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta};
use kit::page::PageTokens;
use testkit::start;
use uuid::Uuid;

const SCOPE: &str = "ListPosts";

/// Opens the text as a page token. Seals its first bytes as an id, and opens what the rest makes of the token.
pub fn pages(data: &[u8]) {
    let tokens = PageTokens::new(&[7; 64]);
    if let Ok(text) = std::str::from_utf8(data) {
        check(&tokens, text);
    }
    let Some((id, masks)) = data.split_first_chunk::<16>() else { return };
    let id = Uuid::from_bytes(*id);
    let sealed = tokens.seal(SCOPE, &id, start());
    assert_eq!(tokens.open::<Uuid>(SCOPE, &sealed, start()), Some(id));
    let mut altered = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
    for mask in masks.chunks_exact(2) {
        let at = usize::from(mask[0]) % altered.len();
        altered[at] ^= mask[1];
    }
    let changed = URL_SAFE_NO_PAD.encode(altered);
    check(&tokens, &changed);
    assert_eq!(tokens.open::<Uuid>(SCOPE, &changed, start()).is_some(), changed == sealed, "a change is found");
}

/// Opens a token. What opens is what the service would seal, letter by letter.
fn check(tokens: &PageTokens, text: &str) {
    let Some(id) = tokens.open::<Uuid>(SCOPE, text, start()) else { return };
    let expiry = URL_SAFE_NO_PAD.decode(text).unwrap();
    let expiry = i64::from_be_bytes(*expiry.first_chunk().unwrap());
    let sealed_at = DateTime::from_timestamp(expiry, 0).unwrap() - TimeDelta::hours(24);
    assert!(sealed_at + TimeDelta::hours(24) > start());
    assert_eq!(tokens.seal(SCOPE, &id, sealed_at), text);
    assert_eq!(tokens.open::<Uuid>("ListUsers", text, start()), None, "a token is for one list");
}
