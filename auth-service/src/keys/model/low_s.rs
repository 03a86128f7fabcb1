//! Canonical ES256 signatures (C17).
//!
//! A signature (r, s) has a twin (r, n − s), which is valid for the same message and key. This service writes and
//! accepts only the signature with the smaller s, so that each token has exactly one valid text.

/// n, the order of P-256 (NIST SP 800-186 §3.2.1.3).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, //
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Returns true if the signature's s is not greater than its twin's.
pub(super) fn is_low(signature: &[u8]) -> bool {
    signature.last_chunk().is_some_and(|s| *s <= negated(s))
}

/// Replaces a signature with its twin if the twin's s is smaller.
pub(super) fn lower(signature: &mut [u8]) {
    if let Some(s) = signature.last_chunk_mut() {
        *s = negated(s).min(*s);
    }
}

/// Returns n − s, both as big-endian numbers.
fn negated(s: &[u8; 32]) -> [u8; 32] {
    let mut difference = [0; 32];
    let mut borrow = false;
    for (at, byte) in difference.iter_mut().enumerate().rev() {
        let (without, first) = ORDER[at].overflowing_sub(s[at]);
        let (value, second) = without.overflowing_sub(u8::from(borrow));
        (*byte, borrow) = (value, first || second);
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a signature with this s.
    fn signature(s: [u8; 32]) -> Vec<u8> {
        [[7; 32], s].concat()
    }

    #[test]
    fn twin_is_the_order_minus_s() {
        let half = negated(&[0; 32]);
        assert_eq!(half, ORDER);
        let one = std::array::from_fn(|at| u8::from(at == 31));
        let mut less = ORDER;
        less[31] -= 1;
        assert_eq!((negated(&one), negated(&less)), (less, one));
    }

    /// C17: exactly one of two twins is low, the one whose s is below half the order.
    #[test]
    fn exactly_one_twin_is_low() {
        // (n − 1) / 2 is the largest low s. The next number is its twin.
        let mut last = ORDER;
        let mut carry = 0;
        for byte in &mut last {
            (*byte, carry) = (carry << 7 | *byte >> 1, *byte & 1);
        }
        let mut next = last;
        next[31] += 1;
        assert_eq!(negated(&last), next);
        assert!(is_low(&signature(last)) && !is_low(&signature(next)));
        let mut lowered = signature(next);
        lower(&mut lowered);
        assert_eq!(lowered, signature(last), "r unchanged");
        lower(&mut lowered);
        assert_eq!(lowered, signature(last));
    }
}
