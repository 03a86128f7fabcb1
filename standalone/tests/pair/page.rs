//! Commands of a documentation page, run word for word against a pair.

use std::process::{Command, Output};

use super::support::{PASSWORD, Pair, tool};

/// Page with the commands of a running pair.
pub(crate) struct Page<'p> {
    text: &'static str,
    grpcurl: String,
    pair: &'p Pair,
}

impl<'p> Page<'p> {
    /// Returns the page; `None` if grpcurl is to be skipped.
    pub(crate) fn new(text: &'static str, pair: &'p Pair) -> Option<Self> {
        let grpcurl = tool("GATEPOST_GRPCURL", "grpcurl");
        if grpcurl == "skip" {
            println!("skipped: GATEPOST_GRPCURL=skip, so the commands of the page were not run");
            return None;
        }
        Some(Self { text, grpcurl, pair })
    }

    /// Returns the shell block of this index under this heading, for the pair.
    pub(crate) fn block(&self, heading: &str, index: usize) -> String {
        let block = block(self.text, &self.pair.auth, heading, index).replace("127.0.0.1:50052", &self.pair.blog);
        block.replace("grpcurl -plaintext", "\"$GRPCURL\" -plaintext")
    }

    /// Returns a shell with this script. `PASSWORD` is the password of all users.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut bash = Command::new("bash");
        bash.args(["-uo", "pipefail", "-c", script]).env("GRPCURL", &self.grpcurl).env("PASSWORD", PASSWORD);
        bash
    }

    /// Calls a method of the auth service without a token.
    pub(crate) fn call(&self, method: &str, request: &str) -> Output {
        let script = format!("\"$GRPCURL\" -plaintext -d '{request}' {} gatepost.auth.v1.{method}", self.pair.auth);
        self.shell(&script).output().unwrap()
    }
}

/// Returns the shell block of this index under this heading of a page, for the auth service at this address.
pub(crate) fn block(page: &str, auth: &str, heading: &str, index: usize) -> String {
    let section = page.split(&format!("\n## {heading}\n")).nth(1).expect("the page has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let block = section.split("```sh\n").nth(index + 1).and_then(|rest| rest.split("```").next());
    block.expect("the section has the shell block").replace("127.0.0.1:50051", auth)
}
