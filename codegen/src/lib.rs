//! Compiles contracts to Rust and to descriptor sets, with protox: protoc is not needed.

mod secrets;

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The descriptor set's file in the output folder.
pub const DESCRIPTORS: &str = "descriptors.bin";

/// Returns the folder of the crate `gatepost`. It ships the generated code, so that its users compile no contract.
pub fn library() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Compiles the contracts of the crate `gatepost`.
///
/// # Errors
/// Fails as [`compile`] does.
pub fn compile_library(out: &Path) -> Result<(), Box<dyn Error>> {
    compile(&library().join("proto"), &["gatepost/auth", "gatepost/options"], "crate::codec::SmallBufferCodec", out)
}

/// Compiles the `.proto` files in `folders` below `root`. Writes one Rust file for each package to `out`, and
/// [`DESCRIPTORS`]: an encoded `google.protobuf.FileDescriptorSet` with comments and imports.
///
/// `codec` is the path of the codec that clients and servers use. The `Debug` of a message hides fields that are marked
/// `debug_redact`.
///
/// # Errors
/// Fails if a file cannot be read, compiled or written.
pub fn compile(root: &Path, folders: &[&str], codec: &str, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    for folder in folders {
        collect(&root.join(folder), &mut files)?;
    }
    files.sort();
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(&files)?;
    fs::write(out.join(DESCRIPTORS), compiler.encode_file_descriptor_set())?;

    let messages = secrets::messages(&compiler.descriptor_pool());
    tonic_prost_build::configure()
        .codec_path(codec)
        .skip_debug(messages.iter().map(secrets::Message::path))
        .out_dir(out)
        .compile_fds(compiler.file_descriptor_set())?;
    for message in messages {
        let path = out.join(format!("{}.rs", message.package()));
        OpenOptions::new().append(true).open(path)?.write_all(message.debug().as_bytes())?;
    }
    Ok(())
}

/// Finds each `.proto` file in a folder and its subfolders.
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
