//! A reader that stalls until lines are dropped, and then reads again.

use std::io::{BufRead as _, BufReader, pipe};

use gatepost::api::auth::v1::GetMeRequest;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;

use super::calls::{channel, register, with_token};
use super::pair::{Outcome, folder};
use super::process::{Process, metric, service};

#[tokio::test(flavor = "multi_thread")]
async fn reader_that_comes_back_learns_of_the_gap() -> Outcome {
    const DROPPED: &str = "gatepost_log_dropped_total";
    let folder = folder();
    let (reader, stderr) = pipe()?;
    let mut command = service("auth", &format!("sqlite:{}", folder.path().join("auth.db").display()));
    let mut auth = Process::start(command.env("RUST_LOG", "trace"), stderr);
    let (ops, address) = (auth.address("auth-service operations on "), auth.address("auth-service listening on "));
    let token = register(address).await?.access_token;
    let mut users = UserServiceClient::new(channel(address));
    while metric(ops, DROPPED).await == 0 {
        for _ in 0..100 {
            users.get_me(with_token(GetMeRequest {}, "x")).await.unwrap_err();
        }
        users.get_me(with_token(GetMeRequest {}, &token)).await?;
    }
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    let note = lines.find(|line| line.contains("log lines left out count=")).unwrap();
    let count: u64 = note.rsplit('=').next().unwrap().parse()?;
    assert!(count > 0, "{note}");
    auth.signal(rustix::process::Signal::TERM);
    // The process waits for its last lines while they are read.
    let last = lines.last().unwrap_or(note);
    assert!(last.starts_with("20"), "all lines up to the last one are complete: {last}");
    assert_eq!(auth.wait().code(), Some(0));
    Ok(())
}
