//! Writes `src/generated` of the crate `gatepost`: `cargo run -p codegen`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    codegen::compile_library(&codegen::library().join("src/generated"))
}
