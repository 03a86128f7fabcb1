//! Signals that must not end the process: a closing terminal, log rotation, and a file at its size limit.

use std::fs::File;
use std::io::{BufRead as _, BufReader, pipe};
use std::process::Command;

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
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    for (name, signal) in [("SIGHUP", Signal::HUP), ("SIGUSR1", Signal::USR1), ("SIGUSR2", Signal::USR2)] {
        auth.signal(signal);
        assert!(lines.any(|line| line.contains(&format!("{name} is ignored"))));
        auth.signal(signal);
    }
    register(address).await?;
    auth.stop();
    assert!(!lines.any(|line| line.contains("is ignored")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn log_file_at_its_size_limit_ends_nothing() -> Outcome {
    // A size limit also applies to SQLite's files, so the database is on a server.
    let Some(database) = testkit::postgres::database().await else { return Ok(()) };
    let folder = folder();
    let file = folder.path().join("log");
    let auth = service("auth", &database.url);
    let mut limited = Command::new("sh");
    limited.env_clear().args(["-c", r#"ulimit -f 1; exec "$@""#, "sh"]).arg(auth.get_program()).args(auth.get_args());
    limited.envs([("AUTH_MASTER_KEY", "kTrnwqz5UFVmpOhbMAm+mjbavM99PHDXrZ78nEu+OIM="), ("RUST_LOG", "trace")]);
    let auth = Process::start(limited.env("PATH", "/usr/bin:/bin"), File::create(&file)?);
    let address = auth.address("auth-service listening on ");
    register(address).await?;
    auth.stop();
    assert!(file.metadata()?.len() <= 1024);
    Ok(())
}
