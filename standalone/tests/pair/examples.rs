//! The examples of the crate, as processes next to a real pair.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::support::watch::{Watch, secrets};
use super::support::{Outcome, Pair, folder};

/// 32 random bytes.
const KEY: &str = "5b0c6f5e0f0d4a7c8e1b3d2f9a6c7e8d1f2a3b4c5d6e7f8091a2b3c4d5e6f708";

/// Builds the examples in the same way as this test, so that they are up to date. Returns their folder.
fn build() -> PathBuf {
    let mut command = Command::new(env!("CARGO"));
    // The features of the whole workspace, so that a run of all tests has built them already.
    command.args(["build", "--quiet", "--locked", "--workspace", "--bin", "guarded_service", "--bin", "client"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    assert!(command.status().unwrap().success(), "the examples do not build");
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().to_owned()
}

/// A process that is killed when dropped, so that it does not outlive a failed test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn guarded_service_and_its_client_run_with_the_pair() -> Outcome {
    let programs = build();
    let folder = folder();
    let settings = [("AUTH_SERVICE_KEY", KEY)];
    let pair = Pair::start(folder.path(), &settings);
    let auth = format!("http://{}", pair.auth);

    let mut service = Command::new(programs.join("guarded_service"));
    service.env_clear().env("AUTH_URL", &auth).env("SHOP_LISTEN", "127.0.0.1:0").envs(settings);
    let mut service = Running(service.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?);
    let (mut watch, lines) = Watch::over(&mut service.0);
    watch.look_for(secrets(&settings, &folder.path().join("auth.key.pem")));
    let line = lines.recv()?;
    let address =
        line.strip_prefix("shop listening on ").unwrap_or_else(|| panic!("the service does not serve: {line}"));

    // The first time it registers, the second time it logs in.
    for _ in 0..2 {
        let mut client = Command::new(programs.join("client"));
        client.env_clear().env("AUTH_URL", &auth).env("SHOP_URL", format!("http://{address}"));
        let output = client.output()?;
        let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        assert!(output.status.success() && err.is_empty(), "{out}{err}");
        let lines: Vec<_> = out.lines().collect();
        let [goods, order, price, refused, over] = lines[..] else { panic!("{out}") };
        assert_eq!(goods, "there is lamp");
        let buyer = order.strip_prefix("ordered: a lamp for the user ").unwrap_or_else(|| panic!("{out}"));
        assert_eq!(buyer.len(), 36, "a UUID: {out}");
        assert_eq!(price, "set the price: NOT_ALLOWED");
        assert_eq!(refused, "after the logout: TOKEN_REVOKED");
        assert_eq!(over, "and from then on: REFRESH_TOKEN_INVALID: the session is over, log in again");
    }
    drop(service);
    assert!(watch.found().is_empty(), "a secret is in the service's output");
    pair.stop();
    Ok(())
}

#[test]
fn guarded_service_names_a_missing_setting() {
    let output = Command::new(build().join("guarded_service")).env_clear().output().unwrap();
    assert!(!output.status.success());
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("set AUTH_SERVICE_KEY to the auth service's"), "{err}");
}
