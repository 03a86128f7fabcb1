//! SIGHUP: a terminal that closes sends it, and so do tools that rotate logs.

use std::io::{BufRead as _, BufReader, pipe};

use rustix::process::Signal;

use super::calls::register;
use super::pair::{Outcome, folder};
use super::process::{Process, service};

#[tokio::test(flavor = "multi_thread")]
async fn sighup_is_noted_once_and_ends_nothing() -> Outcome {
    let folder = folder();
    let (reader, stderr) = pipe()?;
    let mut command = service("auth", &format!("sqlite:{}", folder.path().join("auth.db").display()));
    let auth = Process::start(&mut command, stderr);
    let address = auth.address("auth-service listening on ");
    auth.signal(Signal::HUP);
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("SIGHUP is ignored")));
    auth.signal(Signal::HUP);
    register(address).await?;
    auth.stop();
    assert!(!lines.any(|line| line.contains("SIGHUP")));
    Ok(())
}
