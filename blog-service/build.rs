//! Compiles the contract. Also builds the crate again after a change of the migrations, which are compiled in.

use std::env;
use std::error::Error;
use std::path::PathBuf;

/// The contracts of this repository.
const ROOT: &str = "../proto";

#[expect(clippy::disallowed_methods, reason = "cargo names the output folder in the environment")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed={ROOT}/gatepost/blog");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    codegen::compile(ROOT.as_ref(), &["gatepost/blog"], "kit::codec::ProstCodec", &out)
}
