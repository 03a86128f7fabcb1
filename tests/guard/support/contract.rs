//! Test contracts, compiled with the crate's option.

use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};

const NAME: &str = "test.proto";
const OPTION: &str = "gatepost/options/v1/rule.proto";

/// The source text of a contract.
pub(crate) struct Contract {
    text: String,
    /// The text of the option's file; `None` for the crate's.
    option: Option<String>,
}

impl Contract {
    /// Creates a contract of one service. Each method has a name and the text in its braces.
    pub(crate) fn new(package: &str, service: &str, methods: &[(&str, &str)]) -> Self {
        let methods =
            methods.iter().map(|(name, options)| format!("rpc {name}(Empty) returns (Empty) {{ {options} }}"));
        let methods = methods.collect::<Vec<_>>().join("\n");
        let text = format!(
            "syntax = \"proto3\"; package {package}; import \"{OPTION}\";\n\
             message Empty {{}}\n\
             service {service} {{ {methods} }}"
        );
        Self { text, option: None }
    }

    /// Replaces a text in the option's file.
    pub(crate) fn with_option(self, from: &str, to: &str) -> Self {
        let text = std::fs::read_to_string(format!("{}/../proto/{OPTION}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(text.contains(from), "{from}");
        Self { option: Some(text.replace(from, to)), ..self }
    }

    /// Returns the encoded descriptor set, without imports.
    pub(crate) fn descriptors(self) -> Vec<u8> {
        let mut files = ChainFileResolver::new();
        files.add(self);
        files.add(IncludeFileResolver::new(format!("{}/../proto", env!("CARGO_MANIFEST_DIR")).into()));
        files.add(GoogleFileResolver::new());
        Compiler::with_file_resolver(files).open_file(NAME).unwrap().encode_file_descriptor_set()
    }
}

impl FileResolver for Contract {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match (name, &self.option) {
            (NAME, _) => File::from_source(name, &self.text),
            (OPTION, Some(option)) => File::from_source(name, option),
            _ => Err(protox::Error::file_not_found(name)),
        }
    }
}
