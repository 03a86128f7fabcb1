//! Lost answers to commits: the service finds out the outcome, and writes once. If the service cannot find out, its
//! answer says so.

use bench::Failure;
use bench::drill::postgres::PostgresDrill;
use bench::drill::{Answer, Operation, Random};
use bench::services::beside;
use testkit::postgres::server;
use tonic::Code;

use super::turn::turn;

const UNKNOWN_OUTCOME_MESSAGE: &str = "the database has not said whether this was written: read it before you repeat the call, or repeat it \
                    with the same request_id";

/// Requests a post. Loses the answer to its commit, and from then on the whole database. Returns the caller's answer.
async fn ask(drill: &PostgresDrill, title: &str, request_id: &str) -> Result<Answer, Failure> {
    drill.proxy.go_on_answer_of(b"commit");
    let answer = drill.client.ask_for_post(Operation::CreatePost, title, request_id).await;
    drill.proxy.pass();
    Ok(answer.err().ok_or("the answer was not lost")?)
}

#[track_caller]
fn says_so(answer: &Answer) {
    let seen = (answer.code, answer.reason.as_str(), answer.retry, answer.message.as_str());
    assert_eq!(seen, (Code::DeadlineExceeded, "OUTCOME_UNKNOWN", false, UNKNOWN_OUTCOME_MESSAGE));
}

/// Returns the posts with this title, once the database is back.
async fn posts(drill: &PostgresDrill, title: &str) -> Vec<String> {
    loop {
        if let Ok(posts) = drill.client.all_posts().await {
            return posts[title].clone();
        }
    }
}

/// A write whose commit was not answered is acknowledged, and made once.
#[tokio::test(flavor = "multi_thread")]
async fn write_with_a_lost_commit_answer_is_made_once() -> Result<(), Failure> {
    let _turn = turn().await;
    let Some(server) = server().await else { return Ok(()) };
    let drill = PostgresDrill::start(&beside()?, server, 1).await?;
    drill.proxy.cut_on_answer_of(b"once");
    let id = drill.client.ask_for_post(Operation::CreatePost, "once", "").await.map_err(|answer| answer.to_string())?;
    drill.proxy.fired().await;
    assert_eq!(drill.client.all_posts().await?["once"], [id]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn repetition_with_a_request_id_gets_the_same_post() -> Result<(), Failure> {
    let _turn = turn().await;
    let Some(server) = server().await else { return Ok(()) };
    let drill = PostgresDrill::start(&beside()?, server, 1).await?;
    let request_id = Random::new(1).uuid();
    says_so(&ask(&drill, "twice", &request_id).await?);
    let written = posts(&drill, "twice").await;
    let again = drill.client.ask_for_post(Operation::CreatePost, "twice", &request_id).await;
    assert_eq!(written, [again.map_err(|answer| answer.to_string())?]);
    assert_eq!(drill.client.all_posts().await?["twice"].len(), 1);
    Ok(())
}
