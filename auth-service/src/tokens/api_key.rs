//! Secrets of API keys: `gp_`, the key's id, random characters and a checksum.
//!
//! Scanners of leaked texts find a secret by its form and checksum, without asking the service. The service refuses a
//! text with a wrong checksum without looking anything up.

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::domain::{ApiKeyDigest, ApiKeyId};

/// Digits of base 62, in the order of GitHub's tokens.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Characters that 32 bytes take in base 62.
const RANDOM_CHARACTERS: usize = 43;

/// Characters that a CRC-32 takes in base 62.
const CHECKSUM_CHARACTERS: usize = 6;

/// Secret of an API key. It has no `Display`, and its `Debug` shows nothing.
#[derive(Debug)]
pub struct ApiKeySecretText(SecretString);

impl ApiKeySecretText {
    /// Prefix of all secrets.
    pub const PREFIX: &'static str = "gp_";

    /// Makes a secret of this key from these random bytes.
    pub fn new(id: ApiKeyId, random: [u8; 32]) -> Self {
        let mut text =
            format!("{}{}_{}", Self::PREFIX, id.as_uuid().simple(), base_62::<RANDOM_CHARACTERS>(random.to_vec()));
        text += &checksum(&text);
        Self(text.into())
    }

    /// Returns the secret's text for the admin.
    pub fn expose(&self) -> String {
        self.0.expose_secret().to_owned()
    }

    /// Returns the digest that a row stores.
    pub fn digest(&self) -> ApiKeyDigest {
        ApiKeyDigest(Sha256::digest(self.0.expose_secret()).into())
    }

    /// Returns the key that a text names, if the text has the form of a secret and the right checksum.
    pub fn key_id(text: &str) -> Option<ApiKeyId> {
        let (id, rest) = text.strip_prefix(Self::PREFIX)?.split_once('_')?;
        let is_id = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_rest = rest.len() == RANDOM_CHARACTERS + CHECKSUM_CHARACTERS
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (body, sum) = text.split_at_checked(text.len().checked_sub(CHECKSUM_CHARACTERS)?)?;
        if !is_id || !is_rest || checksum(body) != sum {
            return None;
        }
        Uuid::try_parse(id).ok().map(ApiKeyId::from)
    }
}

fn checksum(text: &str) -> String {
    base_62::<CHECKSUM_CHARACTERS>(crc32fast::hash(text.as_bytes()).to_be_bytes().to_vec())
}

/// Writes a number, given as bytes in big-endian order, as this many digits.
fn base_62<const N: usize>(mut number: Vec<u8>) -> String {
    let mut digits = [DIGITS[0]; N];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0;
        for byte in &mut number {
            let value = remainder * 256 + usize::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = DIGITS[remainder];
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ApiKeyId = ApiKeyId::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

    #[test]
    fn secret_names_its_key() {
        let secret = ApiKeySecretText::new(ID, std::array::from_fn(|at| u8::try_from(at * 8).unwrap()));
        // Computed with Python: int.from_bytes, zlib.crc32 and repeated divmod by 62.
        let text = "gp_01900000000070008000000000000001_00Shy7mTZ1Bu5bnRoNH1sQs0jRcI5ClWdZ1W9xSLm9I2sUjT2";
        assert_eq!(secret.expose(), text);
        assert_eq!(ApiKeySecretText::key_id(text), Some(ID));
        assert_eq!(format!("{secret:?}").matches("gp_").count(), 0);
        let largest = ApiKeySecretText::new(ID, [0xff; 32]);
        assert_eq!(largest.expose().len(), text.len());
        assert_ne!(largest.digest(), secret.digest());
    }

    #[test]
    fn texts_of_another_form_name_no_key() {
        let text = ApiKeySecretText::new(ID, [7; 32]).expose();
        let flipped = |place: usize| {
            let other = if text.as_bytes()[place] == b'7' { '8' } else { '7' };
            format!("{}{other}{}", &text[..place], &text[place + 1..])
        };
        for place in 0..text.len() {
            assert_eq!(ApiKeySecretText::key_id(&flipped(place)), None, "{place}");
        }
        let (shorter, longer) = (&text[..text.len() - 1], format!("{text}0"));
        let spaced = [format!(" {text}"), format!("{text} "), text.to_uppercase(), text.replace("gp_", "gp")];
        let others = ["", "gp_", "gp__", "gp_\u{e4}", shorter, &longer, &text[3..]];
        for text in others.into_iter().chain(spaced.iter().map(String::as_str)) {
            assert_eq!(ApiKeySecretText::key_id(text), None, "{text}");
        }
    }

    #[test]
    fn right_checksum_does_not_replace_the_form() {
        let text = ApiKeySecretText::new(ID, [7; 32]).expose();
        let body = &text[..text.len() - CHECKSUM_CHARACTERS];
        let (id, random) = body.rsplit_once('_').unwrap();
        let with_sum = |body: &str| format!("{body}{}", checksum(body));
        assert_eq!(ApiKeySecretText::key_id(&with_sum(body)), Some(ID));
        for other in [
            format!("gp_{}_{random}", ApiKeyId::from_u128(0xabc).as_uuid().simple().to_string().to_uppercase()),
            format!("{id}0_{random}"),
            format!("{}_{random}", &id[..id.len() - 1]),
            format!("{id}_{}-", &random[1..]),
            format!("{id}_0{random}"),
            format!("{id}_{}", &random[1..]),
        ] {
            assert_eq!(ApiKeySecretText::key_id(&with_sum(&other)), None, "{other}");
        }
    }
}
