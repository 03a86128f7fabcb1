//! Reads the rule that is written beside one RPC, and takes nothing for a rule that it does not understand as a whole.

use prost::Message as _;

use super::rule::is_role;
use super::{Rule, RuleFault};
use crate::api::options::v1::{self as options, Access};

/// The rule of a method that has these encoded options.
pub(super) fn read(written: &[Vec<u8>]) -> Result<Rule, RuleFault> {
    let [written] = written else {
        return Err(if written.is_empty() { RuleFault::Absent } else { RuleFault::Repeated });
    };
    let option = options::Rule::decode(&written[..]).map_err(|_| RuleFault::Unknown)?;
    // Decoding drops what is not known and keeps the last of what is there twice: what is left may ask for less.
    if option.encode_to_vec() != *written {
        return Err(RuleFault::Unknown);
    }
    match (option.access, option.role) {
        (None, None) => Err(RuleFault::Unspecified),
        (Some(access), None) => of_access(access),
        (None, Some(role)) if is_role(&role) => Ok(Rule::role(role)),
        (None, Some(role)) => Err(RuleFault::Role(role)),
        (Some(_), Some(_)) => Err(RuleFault::Repeated),
    }
}

fn of_access(number: i32) -> Result<Rule, RuleFault> {
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
    fn each_access_is_read_and_no_other_number() {
        assert_eq!(read_access(0), Err(RuleFault::Unspecified));
        assert_eq!(read_access(1), Ok(Rule::Public));
        assert_eq!(read_access(2), Ok(Rule::Optional));
        assert_eq!(read_access(3), Ok(Rule::Authenticated));
        for unknown in [4, -1, i32::MAX] {
            assert_eq!(read_access(unknown), Err(RuleFault::Unknown));
        }
    }

    #[test]
    fn a_role_that_nobody_can_have_is_none() {
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
    fn there_is_one_rule() {
        let public = vec![0x08, 0x01];
        assert_eq!(read(&[]), Err(RuleFault::Absent));
        assert_eq!(read(std::slice::from_ref(&public)), Ok(Rule::Public));
        assert_eq!(read(&[public.clone(), public]), Err(RuleFault::Repeated));
        let both = options::Rule { access: Some(1), role: Some("seller".into()) };
        assert_eq!(read(&[both.encode_to_vec()]), Err(RuleFault::Repeated));
    }

    #[test]
    fn what_is_not_understood_as_a_whole_is_no_rule() {
        for written in [
            &[0x08, 0x01, 0x1a, 0x01, b'x'][..],   // public, and a field that is not known
            &[0x1a, 0x01, b'x'],                   // that field alone
            &[0x12, 0x01, b'a', 0x08, 0x01],       // a role, then public
            &[0x08, 0x03, 0x08, 0x01],             // authenticated, then public
            &[0x08, 0x81, 0x80, 0x80, 0x80, 0x10], // a number that is public once its upper bits are gone
            &[0x08],                               // cut off
            &[0x12, 0x01, 0xff],                   // no UTF-8
            &[0x0a, 0x01, 0x01],                   // access as bytes
            b"public",
        ] {
            assert_eq!(read(&[written.to_vec()]), Err(RuleFault::Unknown), "{written:x?}");
        }
        assert_eq!(read(&[Vec::new()]), Err(RuleFault::Unspecified));
    }
}
