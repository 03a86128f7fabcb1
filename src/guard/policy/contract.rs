//! The parts of a contract that a policy needs: methods and their rule options.
//!
//! The messages are cut-down copies of those in `google/protobuf/descriptor.proto`. prost-types drops extensions, so
//! its messages do not serve here.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use super::PolicyError;

#[derive(Clone, PartialEq, Message)]
struct FileSetProto {
    #[prost(message, repeated, tag = "1")]
    files: Vec<FileProto>,
}

#[derive(Clone, PartialEq, Message)]
struct FileProto {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "6")]
    services: Vec<ServiceProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ServiceProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    methods: Vec<MethodProto>,
}

#[derive(Clone, PartialEq, Message)]
struct MethodProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "4")]
    options: Option<MethodOptionsProto>,
}

#[derive(Clone, PartialEq, Message)]
struct MethodOptionsProto {
    /// The extension `gatepost.options.v1.rule`. Declared as bytes, which a message shares on the wire, and as
    /// repeated, so that a second value does not merge into the first.
    #[prost(bytes = "vec", repeated, tag = "54283")]
    rules: Vec<Vec<u8>>,
}

/// Returns the methods of these services by path, each with its encoded `gatepost.options.v1.Rule`s.
pub(super) fn methods(descriptors: &[u8], services: &[&str]) -> Result<BTreeMap<String, Vec<Vec<u8>>>, PolicyError> {
    let set = FileSetProto::decode(descriptors).map_err(|_| PolicyError::Descriptors)?;
    let mut missing: BTreeSet<_> = services.iter().copied().collect();
    let mut methods: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for FileProto { package, services: found } in set.files {
        for ServiceProto { name, methods: found } in found {
            let name = if package.is_empty() { name } else { format!("{package}.{name}") };
            if !services.contains(&name.as_str()) {
                continue;
            }
            missing.remove(name.as_str());
            for MethodProto { name: method, options } in found {
                let rules = options.unwrap_or_default().rules;
                methods.entry(format!("/{name}/{method}")).or_default().extend(rules);
            }
        }
    }
    if missing.is_empty() {
        return Ok(methods);
    }
    Err(PolicyError::Services(missing.into_iter().map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(package: &str, rules: &[&[u8]]) -> Vec<u8> {
        let options = MethodOptionsProto { rules: rules.iter().map(|rule| rule.to_vec()).collect() };
        let method = MethodProto { name: "Buy".into(), options: Some(options) };
        let service = ServiceProto { name: "Shop".into(), methods: vec![method] };
        FileSetProto { files: vec![FileProto { package: package.into(), services: vec![service] }] }.encode_to_vec()
    }

    #[test]
    fn service_without_package_has_its_bare_name() {
        let methods = methods(&set("", &[]), &["Shop"]).unwrap();
        assert_eq!(methods.keys().collect::<Vec<_>>(), ["/Shop/Buy"]);
    }

    #[test]
    fn service_listed_twice_keeps_both_rules() {
        // Concatenated sets decode as one set.
        let twice = [set("shop.v1", &[b"a"]), set("shop.v1", &[b"b"])].concat();
        let methods = methods(&twice, &["shop.v1.Shop"]).unwrap();
        assert_eq!(methods["/shop.v1.Shop/Buy"], [b"a", b"b"]);
    }

    #[test]
    fn each_missing_service_is_named() {
        let names = ["shop.v1.Shop", "shop.v1.Shed", "v1.Shop", "shop.v1.Shed"];
        let missing = vec!["shop.v1.Shed".to_owned(), "v1.Shop".to_owned()];
        assert_eq!(methods(&set("shop.v1", &[]), &names), Err(PolicyError::Services(missing)));
    }
}
