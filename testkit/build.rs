//! Compiles the library for disk faults. It is C, because the dynamic linker loads it between a program and its libc.

use std::env;
use std::path::PathBuf;
use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "cargo passes a build script's folder in the environment")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=src/disk.c");
    println!("cargo:rerun-if-env-changed=CC");
    if env::var("CARGO_CFG_TARGET_OS")? != "linux" {
        return Ok(());
    }
    let shim = PathBuf::from(env::var("OUT_DIR")?).join("disk.so");
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let arguments = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"];
    let built = Command::new(compiler).args(arguments).arg(shim).args(["src/disk.c", "-ldl"]).status()?;
    if built.success() { Ok(()) } else { Err("src/disk.c does not compile".into()) }
}
