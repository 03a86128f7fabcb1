//! Calls every method as every kind of caller. Checks the outcome, the visible fields, and that a refused call changes
//! nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use gatepost_server::dynamic::{self, Contract};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::cast::{Cast, Stage};
use super::row::{Changes, Outcome, Row, Who};
use super::support::{World, said, text};
use super::table;

/// Number of rows that run at the same time: far fewer than the hashing queue has places.
const AT_ONCE: usize = 8;

#[test]
fn every_method_has_a_row_and_every_row_a_method() {
    let rows = table::rows();
    assert_eq!(gaps(&rows), [""; 0]);
    let (posts, rest): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.method.ends_with("/DeletePost"));
    assert!(gaps(&rest)[0].starts_with("gatepost.blog.v1.PostService/DeletePost has no row: add one to "));
    let unknown = Row { method: "gatepost.blog.v1.PostService/ErasePost", ..posts[0].clone() };
    assert!(gaps(&[rest, posts, vec![unknown]].concat())[0].contains("ErasePost is not a method of the contract"));
}

/// Returns a message for each method without a row, and for each row without a method.
fn gaps(rows: &[Row]) -> Vec<String> {
    const TABLE: &str = "standalone/tests/contract/table.rs";
    let methods: BTreeSet<String> = Contract::new(&[gatepost::api::DESCRIPTOR_SET, blog_service::api::DESCRIPTOR_SET])
        .methods()
        .iter()
        .map(dynamic::name)
        .collect();
    let rows: BTreeSet<String> = rows.iter().map(|row| row.method.to_owned()).collect();
    let missing = methods.difference(&rows);
    let missing =
        missing.map(|method| format!("{method} has no row: add one to {TABLE} that says what each caller gets"));
    let unknown = rows.difference(&methods);
    let unknown = unknown.map(|row| format!("{row} is not a method of the contract: remove its rows from {TABLE}"));
    missing.chain(unknown).collect()
}

/// C56: each caller gets the outcome of the table for each method.
#[tokio::test(flavor = "multi_thread")]
async fn authorization_matrix_holds() {
    walk(&[], table::rows()).await;
}

/// C56: with public reads any caller may read, but a bad token is refused.
#[tokio::test(flavor = "multi_thread")]
async fn public_reads_admit_no_bad_token() {
    walk(&[("BLOG_PUBLIC_READS", "true")], table::posts(Row::optional)).await;
}

/// C56: with closed registration only admins create users.
#[tokio::test(flavor = "multi_thread")]
async fn closed_registration_admits_only_admins() {
    walk(&[("AUTH_REGISTRATION", "closed")], vec![table::create_user_closed()]).await;
}

/// Calls the method of every row as every kind of caller. The calls of one row run one after the other, so that each
/// sees only its own changes.
async fn walk(settings: &[(&str, &str)], rows: Vec<Row>) {
    let world = Arc::new(World::start(settings).await);
    let stage = Stage::new(&world).await;
    let before = stage.owner.standing(&world).await;
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut walks = JoinSet::new();
    for (number, row) in rows.into_iter().enumerate() {
        let (world, stage, turns) = (Arc::clone(&world), stage.clone(), Arc::clone(&turns));
        walks.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            let stage = stage.of(&world, &row).await;
            let mut wrong = Vec::new();
            for who in Who::ALL {
                let found = cell(&world, &row, &stage, who, number * Who::ALL.len() + who as usize).await;
                let named =
                    found.into_iter().map(|found| format!("{} {} by {who:?}: {found}", row.method, row.request));
                wrong.extend(named);
            }
            wrong
        });
    }
    let wrong = walks.join_all().await.concat();
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(before, stage.owner.standing(&world).await, "calls that change nothing have changed the stage's data");
    Arc::into_inner(world).unwrap().stop();
}

/// Calls one method as one caller. Returns the differences of its outcome and its changes from the row.
async fn cell(world: &World, row: &Row, stage: &Stage, who: Who, number: usize) -> Vec<String> {
    let cast = stage.cast(world, row, who).await;
    if row.changes == Changes::Nothing {
        return call(world, row, &cast, number).await;
    }
    let before = cast.standing(world).await;
    let mut wrong = call(world, row, &cast, number).await;
    let after = cast.standing(world).await;
    let changes = match row.outcome(who) {
        Outcome::Ok if who == Who::Owner => Changes::Owner,
        Outcome::Ok => row.changes,
        _ => Changes::Nothing,
    };
    let is_right = (before.owner != after.owner) == (changes == Changes::Owner)
        && (before.caller != after.caller) == (changes == Changes::Caller);
    if !is_right {
        wrong.push(format!("should have changed {changes:?}. Before: {before:?}. After: {after:?}"));
    }
    wrong
}

/// Calls the method, and returns the differences of the answer from the row.
async fn call(world: &World, row: &Row, cast: &Cast, number: usize) -> Vec<String> {
    let request = serde_json::from_str(&cast.fill(row.request, number)).unwrap();
    let outcome = world.call(row.method, cast.caller.token(), request).await;
    match (row.outcome(cast.caller.who).refusal(), outcome) {
        (None, Ok(answer)) => seen(row, cast, &answer, number),
        (Some(wanted), Err(status)) if said(&status) == wanted => Vec::new(),
        (Some(wanted), Ok(answer)) => vec![format!("should be {wanted} and is {answer}")],
        (wanted, Err(status)) => vec![format!("should be {} and is {}", wanted.unwrap_or("OK"), said(&status))],
    }
}

/// Returns the fields that the answer shows but should hide, or lacks but should show.
fn seen(row: &Row, cast: &Cast, answer: &Value, number: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    for (pointer, value) in &row.shown {
        let value = cast.fill(value, number);
        if text(answer, pointer) != value {
            wrong.push(format!("should have {value} at {pointer}: {answer}"));
        }
    }
    let hidden = row.hidden.iter().filter(|pointer| answer.pointer(pointer).is_some());
    wrong.extend(hidden.map(|pointer| format!("should have nothing at {pointer}: {answer}")));
    for user in users(answer) {
        let id = user["id"].as_str();
        let is_admin = matches!(cast.caller.who, Who::Admin | Who::ApiKey);
        let in_full = row.is_public || is_admin || (id.is_some() && id == cast.caller.id());
        let has_roles = id != Some(&cast.owner.person.id) || user.get("roles").is_some() == in_full;
        if user.get("email").is_some() != in_full || !has_roles {
            wrong.push(format!("email and roles should be {}: {user}", if in_full { "shown" } else { "hidden" }));
        }
    }
    wrong
}

/// Returns the users in an answer: the field `user`, or the list `users`.
fn users(answer: &Value) -> impl Iterator<Item = &Value> {
    let many = answer.get("users").and_then(Value::as_array).into_iter().flatten();
    answer.get("user").into_iter().chain(many)
}
