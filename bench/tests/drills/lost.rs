//! The answer of a commit is lost: the caller is told so, and nobody repeats the write in the caller's place.

use bench::Failure;
use bench::drill::postgres::Drill;
use bench::drill::{Answer, Operation, Random};
use bench::services::beside;
use harness::postgres::server;
use tonic::Code;

use super::turn::turn;

const SAYS: &str = "the database has not said whether this was written: look before you repeat it, or repeat it with the \
                    same request_id";

/// Asks for a post whose commit's answer is lost: what the caller is told.
async fn ask(drill: &Drill, title: &str, request_id: &str) -> Result<Answer, Failure> {
    drill.proxy.cut_on_answer_of(b"commit");
    let answer = drill.client.ask_for_post(Operation::CreatePost, title, request_id).await;
    drill.proxy.fired().await;
    drill.proxy.pass();
    Ok(answer.err().ok_or("the answer was not lost")?)
}

#[track_caller]
fn says_so(answer: &Answer) {
    let seen = (answer.code, answer.reason.as_str(), answer.retry, answer.message.as_str());
    assert_eq!(seen, (Code::DeadlineExceeded, "DEADLINE", false, SAYS));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_commit_was_not_answered_is_not_repeated() -> Result<(), Failure> {
    let _turn = turn().await;
    let Some(server) = server().await else { return Ok(()) };
    let drill = Drill::start(&beside()?, server, 1).await?;
    says_so(&ask(&drill, "once", "").await?);
    // Whoever repeated it in silence would have done so by now: the answer is here.
    assert_eq!(drill.client.all_posts().await?["once"].len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_makes_the_repetition_answer_the_same_post() -> Result<(), Failure> {
    let _turn = turn().await;
    let Some(server) = server().await else { return Ok(()) };
    let drill = Drill::start(&beside()?, server, 1).await?;
    let request_id = Random::new(1).uuid();
    says_so(&ask(&drill, "twice", &request_id).await?);
    let written = drill.client.all_posts().await?["twice"].clone();
    let again = drill.client.ask_for_post(Operation::CreatePost, "twice", &request_id).await;
    assert_eq!(written, [again.map_err(|answer| answer.to_string())?]);
    assert_eq!(drill.client.all_posts().await?["twice"].len(), 1);
    Ok(())
}
