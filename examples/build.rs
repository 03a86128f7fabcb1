//! Compiles the shop's contract.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    Ok(tonic_prost_build::compile_fds(protox::compile(["shop/v1/shop.proto"], ["proto"])?)?)
}
