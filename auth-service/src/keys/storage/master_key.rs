//! Master key, which seals private keys in the database, so that a copy of the database alone cannot sign.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use kit::config::is_published;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

/// Length of the key, in bytes.
const KEY_BYTES: usize = 32;

/// First byte of a sealed text: the version of its layout.
const SEAL_VERSION: u8 = 1;

/// Prefix of the associated data. It separates these texts from other uses of the key.
const SEAL_CONTEXT: &[u8] = b"gatepost sealed\0";

const PADDING_OR_NONE: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDING_OR_NONE);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDING_OR_NONE);

/// Example keys of standards: AES-256 in NIST SP 800-38A appendix F, Ed25519 in RFC 8032 §7.1 and RFC 8037 A.1.
const KNOWN_KEYS: [&[u8; KEY_BYTES]; 2] = [
    b"\x60\x3d\xeb\x10\x15\xca\x71\xbe\x2b\x73\xae\xf0\x85\x7d\x77\x81\x1f\x35\x2c\x07\x3b\x61\x08\xd7\x2d\x98\x10\xa3\x09\x14\xdf\xf4",
    b"\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60",
];

/// Master key. It has no `Debug`, and its bytes are wiped on drop.
///
/// It seals with AES-256-GCM (NIST SP 800-38D; ciphertext and tag as in RFC 5116 §5.1):
///
/// | bytes | content |
/// | --- | --- |
/// | 1 | version, 1 |
/// | 12 | random nonce (SP 800-38D §8.2.2); one key is good for 2³² of them (§8.3) |
/// | as the plain text | ciphertext |
/// | 16 | tag |
///
/// The associated data are `gatepost sealed`, a zero byte, the version and the name of the text: a text that is moved
/// to another row does not open.
pub struct MasterKey {
    key: RandomizedNonceKey,
    is_published: bool,
}

/// Reason to refuse a master key. Each text says what to do and shows nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMasterKey {
    /// Is not 32 bytes in base64.
    #[error("must be 32 bytes in base64: make it with `openssl rand -base64 32`")]
    Form,
    /// Is a pattern, a text or an example.
    #[error("is a pattern, a text or publicly known, not random bytes: make it with `openssl rand -base64 32`")]
    Known,
}

/// Reason for which a sealed text does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    /// The version is unknown.
    #[error("it was sealed by an unknown version of this service")]
    Version,
    /// The text was sealed with another key or under another name, or was changed since.
    #[error("it was sealed with another key, or is damaged")]
    Seal,
}

impl MasterKey {
    /// Parses 32 bytes in base64, of either alphabet (RFC 4648 §4 and §5), with or without padding.
    ///
    /// # Errors
    /// Fails if the text is something else, or clearly not random.
    pub fn parse(text: &SecretString) -> Result<Self, BadMasterKey> {
        let text = text.expose_secret();
        let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).map_err(|_| BadMasterKey::Form)?;
        let bytes = Zeroizing::new(bytes);
        let bytes: &[u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| BadMasterKey::Form)?;
        if is_known(bytes) {
            return Err(BadMasterKey::Known);
        }
        let is_published = is_published(&STANDARD.encode(bytes));
        // The library stores the bytes in memory that it wipes before it frees it.
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| BadMasterKey::Form)?;
        Ok(Self { key, is_published })
    }

    /// Returns true for the key that `.env.example` shows.
    pub fn is_published(&self) -> bool {
        self.is_published
    }

    /// Seals a text under this name.
    ///
    /// # Panics
    /// Panics if there are no random bytes, because nothing can be sealed then.
    #[expect(clippy::expect_used, reason = "without random bytes nothing can be sealed, so the process must end")]
    pub fn seal(&self, name: &str, plain: &[u8]) -> Vec<u8> {
        let mut sealed = [&[SEAL_VERSION], [0; NONCE_LEN].as_slice(), plain].concat();
        let text = &mut sealed[1 + NONCE_LEN..];
        let (nonce, tag) = self.key.seal_in_place_separate_tag(associated(name), text).expect("there are random bytes");
        sealed[1..=NONCE_LEN].copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens a text that was sealed under this name.
    ///
    /// # Errors
    /// Fails unless this key has sealed exactly this text under this name.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let (&version, rest) = sealed.split_first().ok_or(CannotOpen::Seal)?;
        if version != SEAL_VERSION {
            return Err(CannotOpen::Version);
        }
        let (&nonce, text) = rest.split_first_chunk().ok_or(CannotOpen::Seal)?;
        let mut plain = Zeroizing::new(text.to_vec());
        let opened = self.key.open_in_place(Nonce::assume_unique_for_key(nonce), associated(name), &mut plain);
        let length = opened.map_err(|_| CannotOpen::Seal)?.len();
        plain.truncate(length);
        Ok(plain)
    }
}

fn associated(name: &str) -> Aad<Vec<u8>> {
    Aad::from([SEAL_CONTEXT, &[SEAL_VERSION], name.as_bytes()].concat())
}

/// Returns true if the bytes count up or down, repeat, are a text, or are the example of a standard. This holds for one
/// random key in 2⁴⁵.
fn is_known(bytes: &[u8; KEY_BYTES]) -> bool {
    let counts = bytes.windows(3).all(|three| three[1].wrapping_sub(three[0]) == three[2].wrapping_sub(three[1]));
    let comes_again = (1..=KEY_BYTES / 2).any(|period| bytes[period..] == bytes[..KEY_BYTES - period]);
    let is_text = bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
    counts || comes_again || is_text || KNOWN_KEYS.contains(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "signing-key";
    const PLAIN: &[u8] = b"attack at dawn";
    const KEY: &str = "Ygr7Mt/clGdk1xhyomNNC5pbaBXl1fYHFhWI8wqwnMg=";

    fn key(text: &str) -> Result<MasterKey, BadMasterKey> {
        MasterKey::parse(&text.into())
    }

    /// Returns the reason to refuse these bytes as a key.
    fn refused(bytes: &[u8]) -> Option<BadMasterKey> {
        key(&STANDARD.encode(bytes)).err()
    }

    #[test]
    fn sealed_text_opens_and_hides_the_key() {
        let key = key(KEY).unwrap();
        for plain in [&[][..], PLAIN, &[0; 83]] {
            let sealed = key.seal(NAME, plain);
            assert_eq!(sealed.len(), 1 + 12 + plain.len() + 16);
            assert_eq!(key.open(NAME, &sealed).unwrap().as_slice(), plain);
            assert!(plain.is_empty() || !sealed.windows(plain.len()).any(|part| part == plain));
            assert_ne!(key.seal(NAME, plain), sealed, "new nonce each time");
        }
    }

    #[test]
    fn text_sealed_by_an_earlier_version_opens() {
        // Computed with another library, from the layout described above.
        let sealed = STANDARD.decode("AQABAgMEBQYHCAkKC6iO0fRyRPT/SXXsjWoWSpftC8L7DuuLeLf3VwAmxQ==").unwrap();
        assert_eq!(key(KEY).unwrap().open(NAME, &sealed).unwrap().as_slice(), PLAIN);
    }

    #[test]
    fn changed_cut_or_longer_text_does_not_open() {
        let key = key(KEY).unwrap();
        let sealed = key.seal(NAME, PLAIN);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let why = if bit < 8 { CannotOpen::Version } else { CannotOpen::Seal };
            assert_eq!(key.open(NAME, &changed).err(), Some(why), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(key.open(NAME, &sealed[..length]).err(), Some(CannotOpen::Seal), "{length} bytes");
        }
        assert_eq!(key.open(NAME, &[&sealed[..], &[0]].concat()).err(), Some(CannotOpen::Seal));
    }

    #[test]
    fn another_key_or_name_does_not_open() {
        let sealed = key(KEY).unwrap().seal(NAME, PLAIN);
        for name in ["", "signing-ke", "signing-key\0", "page-token-key"] {
            assert_eq!(key(KEY).unwrap().open(name, &sealed).err(), Some(CannotOpen::Seal), "{name}");
        }
        let other = key("ZpKG7+k6QBFqr3RXEfmsHP/tbd7JmEctl2NGIb1KT3k=").unwrap();
        assert_eq!(other.open(NAME, &sealed).err(), Some(CannotOpen::Seal));
    }

    #[test]
    fn key_is_read_from_any_base64_form() {
        let sealed = key(KEY).unwrap().seal(NAME, PLAIN);
        for text in [KEY, KEY.trim_end_matches('='), &KEY.replace('/', "_"), &KEY.replace('/', "_").replace('=', "")] {
            assert_eq!(key(text).unwrap().open(NAME, &sealed).unwrap().as_slice(), PLAIN);
        }
    }

    #[test]
    fn published_key_is_known_in_any_spelling() {
        let published = kit::config::PUBLISHED_SECRETS[3];
        let url_safe = published.replace('+', "-").replace('/', "_");
        for text in [published, published.trim_end_matches('='), &url_safe] {
            assert!(key(text).unwrap().is_published(), "{text}");
        }
        assert!(!key(KEY).unwrap().is_published());
    }

    #[test]
    fn only_32_bytes_in_base64_are_a_key() {
        let random = kit::random::bytes::<64>();
        for length in (0..64).filter(|length| *length != 32) {
            assert_eq!(refused(&random[..length]), Some(BadMasterKey::Form), "{length} bytes");
        }
        let hex = "620afb32dfdc946764d71872a2634d0b9a5b6815e5d5f607161588f30ab09cc8";
        let mixed = "ZpKG7+k6QBFqr3RXEfmsHP_tbd7JmEctl2NGIb1KT3k=";
        // The last character has bits that belong to no byte.
        let loose = KEY.replace("g=", "h=");
        for text in ["", hex, mixed, &loose, &format!("{KEY}\n"), &format!(" {KEY}"), &format!("{KEY}="), "no key"] {
            assert_eq!(key(text).err(), Some(BadMasterKey::Form), "{text:?}");
        }
    }

    /// C18: a key that others can guess is refused.
    #[test]
    fn guessable_master_keys_are_refused() {
        assert_eq!(refused(&[0; KEY_BYTES]), Some(BadMasterKey::Known));
        assert_eq!(refused(&[255; KEY_BYTES]), Some(BadMasterKey::Known));
        assert_eq!(
            refused(&std::array::from_fn::<u8, KEY_BYTES, _>(|at| u8::try_from(at).unwrap())),
            refused(&[0; KEY_BYTES])
        );
        assert_eq!(refused(&b"\x01\x23\x45\x67\x89\xab\xcd\xef".repeat(4)), Some(BadMasterKey::Known));
        assert_eq!(refused(b"passphrasewhichneedstobe32bytes!"), Some(BadMasterKey::Known));
        for known in KNOWN_KEYS {
            assert_eq!(refused(known), Some(BadMasterKey::Known));
        }
        for _ in 0..1000 {
            assert_eq!(refused(&kit::random::bytes::<KEY_BYTES>()), None);
        }
        assert!(BadMasterKey::Known.to_string().contains("openssl rand -base64 32"));
        assert!(BadMasterKey::Form.to_string().contains("openssl rand -base64 32"));
    }
}
