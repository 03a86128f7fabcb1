//! A hundred thousand one-bit flips over a hundred tokens of all algorithms, and every bit of one of each (C16, C17).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use testkit::start;

use super::{Draw, issue, keys, verifier};
use crate::keys::model::KeySet;
use crate::tokens::TokenFault;

const TOKENS: usize = 100;
const FLIPS: usize = 1_000;

/// Flips one bit of the text. Its highest bit would leave no text, and so no token.
fn flip_text(token: &str, draw: &mut Draw) -> String {
    let mut bytes = token.to_owned().into_bytes();
    let place = draw.below(bytes.len());
    bytes[place] ^= 1 << draw.below(7);
    String::from_utf8(bytes).unwrap()
}

/// Flips one bit of what a part says, below the base64 layer.
fn flip_part(token: &str, part: usize, draw: &mut Draw) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut bytes = URL_SAFE_NO_PAD.decode(&parts[part]).unwrap();
    let place = draw.below(bytes.len());
    bytes[place] ^= 1 << draw.below(8);
    parts[part] = URL_SAFE_NO_PAD.encode(bytes);
    parts.join(".")
}

#[test]
fn hundred_thousand_flipped_bits_are_detected() {
    let mut draw = Draw(16);
    let mut flipped = [0; 4];
    for keys in keys().map(|key| Arc::new(KeySet::new(key))) {
        let verifier = verifier(&keys);
        for _ in 0..TOKENS / 4 {
            let token = issue(&keys, &mut draw);
            assert!(verifier.verify(&token, start()).is_ok());
            for _ in 0..FLIPS {
                let layer = draw.below(4);
                let changed =
                    if layer < 3 { flip_part(&token, layer, &mut draw) } else { flip_text(&token, &mut draw) };
                assert_eq!(verifier.verify(&changed, start()), Err(TokenFault::Invalid), "{token} {changed}");
                flipped[layer] += 1;
            }
        }
    }
    assert_eq!(flipped.iter().sum::<usize>(), 100_000);
    assert!(flipped.iter().all(|layer| *layer > 24_000), "header, payload, signature, base64: {flipped:?}");
}

#[test]
fn every_flipped_bit_is_detected() {
    for keys in keys().map(|key| Arc::new(KeySet::new(key))) {
        let verifier = verifier(&keys);
        let token = issue(&keys, &mut Draw(17));
        assert_eq!(verifier.verify(&token, start()).unwrap().key_id(), keys.signing().unwrap().id());
        for bit in 0..token.len() * 8 {
            let mut bytes = token.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Ok(flipped) = String::from_utf8(bytes) else { continue };
            assert_eq!(verifier.verify(&flipped, start()), Err(TokenFault::Invalid), "bit {bit}");
        }
    }
}
