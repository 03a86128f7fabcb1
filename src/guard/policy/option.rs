//! Decodes the rule option of one RPC. Rejects an option that it does not understand completely.

use prost::Message as _;

use super::rule::is_role;
use super::{Rule, RuleFault};
use crate::api::options::v1::{self as options, Access};

/// Decodes the rule from the option's encoded values.
pub(super) fn read(written: &[Vec<u8>]) -> Result<Rule, RuleFault> {
    let [written] = written else {
        return Err(if written.is_empty() { RuleFault::Absent } else { RuleFault::Repeated });
    };
    let option = options::Rule::decode(&written[..]).map_err(|_| RuleFault::Unknown)?;
    // Decoding drops unknown fields and keeps the last of repeated ones. The remainder may require less.
    if option.encode_to_vec() != *written {
        return Err(RuleFault::Unknown);
    }
    match (option.access, option.role) {
        (None, None) => Err(RuleFault::Unspecified),
        (Some(access), None) => rule_from_access(access),
        (None, Some(role)) if is_role(&role) => Ok(Rule::role(role)),
        (None, Some(role)) => Err(RuleFault::Role(role)),
        (Some(_), Some(_)) => Err(RuleFault::Repeated),
    }
}

fn rule_from_access(number: i32) -> Result<Rule, RuleFault> {
    match Access::try_from(number) {
        Ok(Access::Unspecified) => Err(RuleFault::Unspecified),
        Ok(Access::Public) => Ok(Rule::Public),
        Ok(Access::Optional) => Ok(Rule::Optional),
        Ok(Access::Authenticated) => Ok(Rule::Authenticated),
        Err(_) => Err(RuleFault::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_access(number: i32) -> Result<Rule, RuleFault> {
        read(&[options::Rule { access: Some(number), role: None }.encode_to_vec()])
    }

    fn read_role(role: &str) -> Result<Rule, RuleFault> {
        read(&[options::Rule { access: None, role: Some(role.to_owned()) }.encode_to_vec()])
    }

    #[test]
    fn known_access_is_read_and_other_numbers_fail() {
        assert_eq!(read_access(0), Err(RuleFault::Unspecified));
        assert_eq!(read_access(1), Ok(Rule::Public));
        assert_eq!(read_access(2), Ok(Rule::Optional));
        assert_eq!(read_access(3), Ok(Rule::Authenticated));
        for unknown in [4, -1, i32::MAX] {
            assert_eq!(read_access(unknown), Err(RuleFault::Unknown));
        }
    }

    #[test]
    fn malformed_role_is_refused() {
        let longest = "a".repeat(63);
        for role in ["a", "seller", "a.b_c-9", &longest] {
            assert_eq!(read_role(role), Ok(Rule::role(role.to_owned())));
        }
        let longer = "a".repeat(64);
        for role in ["", "Seller", "9lives", "-a", "a b", "a,b", "a*", "é", "seller ", &longer] {
            assert_eq!(read_role(role), Err(RuleFault::Role(role.to_owned())));
        }
    }

    #[test]
    fn exactly_one_rule_is_required() {
        let public = vec![0x08, 0x01];
        assert_eq!(read(&[]), Err(RuleFault::Absent));
        assert_eq!(read(std::slice::from_ref(&public)), Ok(Rule::Public));
        assert_eq!(read(&[public.clone(), public]), Err(RuleFault::Repeated));
        let both = options::Rule { access: Some(1), role: Some("seller".into()) };
        assert_eq!(read(&[both.encode_to_vec()]), Err(RuleFault::Repeated));
    }

    #[test]
    fn rule_with_unknown_parts_is_refused() {
        for written in [
            &[0x08, 0x01, 0x1a, 0x01, b'x'][..],   // public, and an unknown field
            &[0x1a, 0x01, b'x'],                   // the unknown field alone
            &[0x12, 0x01, b'a', 0x08, 0x01],       // a role, then public
            &[0x08, 0x03, 0x08, 0x01],             // authenticated, then public
            &[0x08, 0x81, 0x80, 0x80, 0x80, 0x10], // a number whose lower 32 bits mean public
            &[0x08],                               // truncated
            &[0x12, 0x01, 0xff],                   // not UTF-8
            &[0x0a, 0x01, 0x01],                   // access as bytes
            b"public",
        ] {
            assert_eq!(read(&[written.to_vec()]), Err(RuleFault::Unknown), "{written:x?}");
        }
        assert_eq!(read(&[Vec::new()]), Err(RuleFault::Unspecified));
    }
}
