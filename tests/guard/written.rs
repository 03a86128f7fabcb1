//! Rules in the contract: parsing, errors at start, and effect.

use std::collections::BTreeMap;

use gatepost::{Policy, PolicyError, Rule, RuleFault};
use prost::Message as _;
use prost_types::FileDescriptorSet;

use crate::support::{CHAT, CHECK, CallView, Contract, GATHER, Refused, SHOW, World};

const PUBLIC: &str = "option (gatepost.options.v1.rule).access = ACCESS_PUBLIC;";
const OPTIONAL: &str = "option (gatepost.options.v1.rule).access = ACCESS_OPTIONAL;";
const AUTHENTICATED: &str = "option (gatepost.options.v1.rule) = { access: ACCESS_AUTHENTICATED };";
const SELLER: &str = "option (gatepost.options.v1.rule).role = \"seller\";";
/// Two fields, set by two statements. In a oneof, protoc would silently keep only the second one.
const BOTH: &str = "option (gatepost.options.v1.rule).role = \"seller\"; \
                    option (gatepost.options.v1.rule).access = ACCESS_PUBLIC;";

/// The service in the contracts of these tests.
const SHOP: &str = "shop.v1.Shop";

fn shop(methods: &[(&str, &str)]) -> Vec<u8> {
    Contract::new("shop.v1", "Shop", methods).descriptors()
}

fn faults<const N: usize>(faults: [(&str, RuleFault); N]) -> PolicyError {
    let by_path = faults.map(|(method, fault)| (format!("/{SHOP}/{method}"), fault));
    PolicyError::Rules(BTreeMap::from(by_path))
}

#[test]
fn each_kind_of_rule_is_read() {
    let methods = [("Look", PUBLIC), ("List", OPTIONAL), ("Buy", AUTHENTICATED), ("Price", SELLER), ("Old", "")];
    let descriptors = shop(&methods[..4]);
    let policy = Policy::from_descriptors(&descriptors, &[SHOP]).unwrap();
    assert_eq!(policy.find_rule("/shop.v1.Shop/Look"), &Rule::Public);
    assert_eq!(policy.find_rule("/shop.v1.Shop/List"), &Rule::Optional);
    assert_eq!(policy.find_rule("/shop.v1.Shop/Buy"), &Rule::Authenticated);
    assert_eq!(policy.find_rule("/shop.v1.Shop/Price"), &Rule::role("seller"));
    assert_eq!(policy.check(&descriptors, &[SHOP]), Ok(()));
    // The same table with a changed contract.
    let mismatch = PolicyError::Mismatch { without_row: vec!["/shop.v1.Shop/Old".into()], without_method: vec![] };
    assert_eq!(policy.check(&shop(&methods), &[SHOP]), Err(mismatch));
}

#[test]
fn row_of_the_table_replaces_the_option() {
    let descriptors = shop(&[("List", AUTHENTICATED), ("Price", SELLER)]);
    let policy = Policy::from_descriptors(&descriptors, &[SHOP]).unwrap().with_health().with_reflection();
    let policy = policy.rule("/shop.v1.Shop/List", Rule::Public);
    assert_eq!(policy.find_rule("/shop.v1.Shop/List"), &Rule::Public);
    assert_eq!(policy.find_rule("/shop.v1.Shop/Price"), &Rule::role("seller"));
    assert_eq!(policy.find_rule(CHECK), &Rule::Public);
    assert_eq!(policy.check(&descriptors, &[SHOP]), Ok(()));
}

#[test]
fn each_method_without_valid_rule_is_listed() {
    let descriptors = shop(&[
        ("Good", PUBLIC),
        ("Absent", ""),
        ("Other", "option deprecated = true;"),
        ("Empty", "option (gatepost.options.v1.rule) = {};"),
        ("Unspecified", "option (gatepost.options.v1.rule).access = ACCESS_UNSPECIFIED;"),
        ("Both", BOTH),
        ("NoRole", "option (gatepost.options.v1.rule).role = \"\";"),
        ("BadRole", "option (gatepost.options.v1.rule).role = \"Seller, Buyer\";"),
    ]);
    let expected = faults([
        ("Absent", RuleFault::Absent),
        ("Other", RuleFault::Absent),
        ("Empty", RuleFault::Unspecified),
        ("Unspecified", RuleFault::Unspecified),
        ("Both", RuleFault::Repeated),
        ("NoRole", RuleFault::Role(String::new())),
        ("BadRole", RuleFault::Role("Seller, Buyer".into())),
    ]);
    let error = Policy::from_descriptors(&descriptors, &[SHOP]).unwrap_err();
    assert_eq!(error, expected);
    assert_eq!(
        error.to_string(),
        "\"/shop.v1.Shop/Absent\" has no rule; \
         \"/shop.v1.Shop/BadRole\" requires \"Seller, Buyer\", which is not a role: write [a-z][a-z0-9._-]{0,62}; \
         \"/shop.v1.Shop/Both\" has more than one rule; \
         \"/shop.v1.Shop/Empty\" has an empty rule: set access or role; \
         \"/shop.v1.Shop/NoRole\" requires \"\", which is not a role: write [a-z][a-z0-9._-]{0,62}; \
         \"/shop.v1.Shop/Other\" has no rule; \
         \"/shop.v1.Shop/Unspecified\" has an empty rule: set access or role"
    );
}

#[test]
fn unknown_option_value_is_an_error() {
    let access = Contract::new(
        "shop.v1",
        "Shop",
        &[("List", PUBLIC), ("Buy", "option (gatepost.options.v1.rule).access = ACCESS_VERIFIED;")],
    );
    let access = access.with_option("ACCESS_AUTHENTICATED = 3;", "ACCESS_AUTHENTICATED = 3; ACCESS_VERIFIED = 4;");
    let unknown = faults([("Buy", RuleFault::Unknown)]);
    assert_eq!(Policy::from_descriptors(&access.descriptors(), &[SHOP]).unwrap_err(), unknown);

    // The known part of this rule alone would admit all callers.
    let field = Contract::new(
        "shop.v1",
        "Shop",
        &[("Buy", "option (gatepost.options.v1.rule) = { access: ACCESS_PUBLIC, network: \"10.0.0.0/8\" };")],
    );
    let field = field.with_option("message Rule {", "message Rule { string network = 3;");
    assert_eq!(Policy::from_descriptors(&field.descriptors(), &[SHOP]).unwrap_err(), unknown);
}

#[test]
fn missing_service_is_an_error() {
    let descriptors = shop(&[("List", PUBLIC)]);
    let missing = PolicyError::Services(vec!["shop.v1.Shed".into(), "shop.v2.Shop".into()]);
    let error = Policy::from_descriptors(&descriptors, &["shop.v2.Shop", SHOP, "shop.v1.Shed"]).unwrap_err();
    assert_eq!(error, missing);
    assert_eq!(error.to_string(), r#"the contract lacks these services: ["shop.v1.Shed", "shop.v2.Shop"]"#);
    assert_eq!(Policy::from_descriptors(b"nonsense", &[SHOP]).unwrap_err(), PolicyError::Descriptors);
}

#[test]
fn other_services_are_ignored() {
    let descriptors = [shop(&[("List", PUBLIC)]), Contract::new("shop.v1", "Shed", &[("Open", "")]).descriptors()];
    let policy = Policy::from_descriptors(&descriptors.concat(), &[SHOP]).unwrap();
    assert_eq!(policy.find_rule("/shop.v1.Shop/List"), &Rule::Public);
    assert_eq!(policy.find_rule("/shop.v1.Shed/Open"), &Rule::Authenticated);
}

#[test]
fn descriptors_without_options_open_no_method() {
    let set = FileDescriptorSet::decode(&shop(&[("List", PUBLIC)])[..]).unwrap();
    let error = Policy::from_descriptors(&set.encode_to_vec(), &[SHOP]).unwrap_err();
    assert_eq!(error, faults([("List", RuleFault::Absent)]));
}

#[tokio::test]
async fn guard_applies_rules_of_the_contract() {
    let methods = [("Show", SELLER), ("Gather", OPTIONAL), ("Chat", AUTHENTICATED), ("Look", PUBLIC)];
    let descriptors = Contract::new("guard.test", "Probe", &methods).descriptors();
    let world = World::start(Policy::from_descriptors(&descriptors, &["guard.test.Probe"]).unwrap()).await;
    let raw = world.server.raw().await;

    Refused::TOKEN_MISSING.is(&raw.call(SHOW, &[]).await.status());
    Refused::NOT_ALLOWED.is(&raw.call_as_ada(SHOW).await.status());
    let view = raw.call(SHOW, &[("api-token", b"seller")]).await.message::<CallView>();
    assert_eq!(view.subject.as_deref(), Some("ada"));

    Refused::TOKEN_MISSING.is(&raw.call(CHAT, &[]).await.status());
    Refused::TOKEN_INVALID.is(&raw.call(GATHER, &[("api-token", b"forged")]).await.status());
    Refused::TOKEN_MISSING.is(&raw.call(CHECK, &[]).await.status());
    assert_eq!(world.server.inside.paths(), [SHOW]);

    raw.call(GATHER, &[]).await;
    raw.call_as_ada(CHAT).await;
    raw.call("/guard.test.Probe/Look", &[("api-token", b"forged")]).await;
    assert_eq!(world.server.inside.paths(), [SHOW, GATHER, CHAT, "/guard.test.Probe/Look"]);
}
