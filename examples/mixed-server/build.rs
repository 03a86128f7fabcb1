//! Compiles the contract to code, and to descriptors that include the access rules of the RPCs.

use std::error::Error;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).open_file("depot/v1/depot.proto")?;
    // Only the encoded set contains the access rules. `file_descriptor_set()` loses them, but code can be
    // generated without them.
    fs::write(env::var("OUT_DIR")? + "/depot.bin", compiler.encode_file_descriptor_set())?;
    tonic_prost_build::compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
