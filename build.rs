//! Compiles `proto/` to Rust and to a descriptor set with comments, without protoc.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use protox::prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor};

const ROOT: &str = "proto";

/// The contract of `examples/`, which are no part of the package.
const EXAMPLES: &str = "examples/proto";

#[expect(clippy::disallowed_methods, reason = "cargo names a build script's folders by the environment")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    // Read by the build scripts of dependants, which import the option (see the crate's documentation).
    println!("cargo::metadata=proto={}", Path::new(&env::var("CARGO_MANIFEST_DIR")?).join(ROOT).display());
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files = Vec::new();
    collect(Path::new(ROOT), &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(&files)?;
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    let secret = messages_with_secrets(&compiler.descriptor_pool());
    fs::write(out.join("redacted.rs"), redacted_debug(&secret))?;
    tonic_prost_build::configure()
        .codec_path("crate::codec::ProstCodec")
        .skip_debug(secret.iter().map(|message| format!(".{}.{}", message.package, message.name)))
        .compile_fds(compiler.file_descriptor_set())?;
    if Path::new(EXAMPLES).is_dir() {
        println!("cargo:rerun-if-changed={EXAMPLES}");
        let mut files = Vec::new();
        collect(Path::new(EXAMPLES), &mut files)?;
        tonic_prost_build::compile_fds(protox::compile(files, [EXAMPLES])?)?;
    }
    Ok(())
}

/// Every `.proto` file below `folder`.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}

/// A message in which a field is marked `debug_redact`; prost itself does not look at that option.
struct Secret {
    package: String,
    name: String,
    /// Each field's name, and whether it is a secret.
    fields: Vec<(String, bool)>,
}

fn messages_with_secrets(pool: &DescriptorPool) -> Vec<Secret> {
    let mut found = Vec::new();
    for message in pool.all_messages().filter(|message| message.package_name().starts_with("gatepost.")) {
        let fields: Vec<_> = message.fields().map(|field| (field.name().to_owned(), is_secret(&field))).collect();
        if fields.iter().any(|(_, secret)| *secret) {
            assert!(is_plain(&message), "{}: a message with a secret has no oneof", message.full_name());
            found.push(Secret { package: message.package_name().to_owned(), name: message.name().to_owned(), fields });
        }
    }
    found
}

fn is_secret(field: &FieldDescriptor) -> bool {
    let options = field.options();
    options.get_field_by_name("debug_redact").and_then(|value| value.as_bool()).unwrap_or(false)
}

/// Whether each field of the message is one field of the Rust struct, so that the `Debug` below can name it.
fn is_plain(message: &MessageDescriptor) -> bool {
    message.oneofs().len() == 0 && message.parent_message().is_none()
}

/// `Debug` for the messages that carry a secret: all fields, the secret ones as `[redacted]`.
fn redacted_debug(messages: &[Secret]) -> String {
    let mut code = String::new();
    for Secret { package, name, fields } in messages {
        let path = package.trim_start_matches("gatepost.").replace('.', "::");
        let shown = fields.iter().fold(String::new(), |mut shown, (field, secret)| {
            let value = if *secret { "&\"[redacted]\"".to_owned() } else { format!("&self.{field}") };
            let _ = write!(shown, ".field(\"{field}\", {value})");
            shown
        });
        let _ = writeln!(
            code,
            "impl std::fmt::Debug for {path}::{name} {{ fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> \
             std::fmt::Result {{ f.debug_struct(\"{name}\"){shown}.finish() }} }}"
        );
    }
    code
}
