//! Query plans: no statement scans a whole table.

use std::path::Path;

use auth_service::domain::{Client, Session, SessionId};
use auth_service::store::DatabaseUrl;
use testkit::statements::statements;
use testkit::{on_both_engines, start};

use crate::support::{Case, event, new_user, session, stamp, starting};

async fn no_statement_scans_a_table(store: Case) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = statements(&[&here.join("src/store"), &here.join("../db/src")]);
    let walks = store.database.scans(&all).await;
    assert!(walks.is_empty(), "these of {} statements scan:\n{}", all.len(), walks.join("\n"));
}

/// Doubles the sessions that match this condition, again and again, until there are about ten thousand times as many.
async fn double(store: &Case, condition: &str) {
    const COLUMNS: &str = "user_id, generation, create_time, expire_time, end_time, peer, user_agent, network, \
         refresh_digests, idle_expire_time, over_time";
    let id = if matches!(store.database.url, DatabaseUrl::Sqlite(_)) { "randomblob(16)" } else { "gen_random_uuid()" };
    let sql = format!("insert into sessions (id, {COLUMNS}) select {id}, {COLUMNS} from sessions where {condition}");
    store.database.run(&[sql.as_str(); 14].join("; ")).await;
}

async fn ended_sessions_hide_no_live_ones(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    for id in [10, 11] {
        assert!(store.create_session(&session(id, &ada), &Client::default(), &event()).await.unwrap());
    }
    // One was ended by itself, the other with all sessions of its user.
    store.end_session(SessionId::from_u128(10), stamp(), &event()).await.unwrap();
    store.end_all_sessions(ada.id, stamp(), &event()).await.unwrap().unwrap();
    double(&store, "true").await;
    let list = async |after: Option<SessionId>| {
        let listed = store.list_sessions(ada.id, after, 3, start()).await.unwrap();
        listed.iter().map(|listed| listed.session.id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(list(None).await, [0_u128; 0]);
    for id in 20..25 {
        let begun = Session { generation: 2, ..session(id, &ada) };
        assert!(store.create_session(&begun, &Client::default(), &event()).await.unwrap());
    }
    assert_eq!((list(None).await, list(Some(SessionId::from_u128(22))).await), (vec![24, 23, 22], vec![21, 20]));
    assert_eq!(store.surplus_session(ada.id, 4, start()).await.unwrap().map(|id| id.as_u128()), Some(20));

    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let all = statements(&[&here]);
    let about_live =
        all.iter().filter(|asked| ["count(*) over ()", "offset $3"].iter().any(|part| asked.sql.contains(part)));
    let about_live: Vec<_> = about_live.collect();
    assert_eq!(about_live.len(), 2, "the list and the quota");
    for asked in about_live {
        let plan = store.database.plan(&asked.sql).await;
        assert!(plan.contains("sessions_live_by_user"), "{}\n{plan}", asked.sql);
    }
}

async fn three_thousand_live_sessions_are_all_listed(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, Some(starting(&session(10, &ada))), None, &event()).await.unwrap();
    double(&store, "true").await;
    let mut seen = Vec::new();
    let mut after = None;
    for _ in 0..3 {
        let page = store.list_sessions(ada.id, after, 1000, start()).await.unwrap();
        seen.extend(page.iter().map(|listed| listed.session.id));
        after = seen.last().copied();
    }
    assert!(seen.len() == 3000 && seen.is_sorted_by(|one, next| one > next));
    assert_eq!(
        store.list_sessions(ada.id, Some(SessionId::from_u128(11)), 9, start()).await.unwrap().len(),
        1,
        "the last session"
    );
}

async fn users_with_role_and_state_are_found_by_one_index(store: Case) {
    let (id, text) = match store.database.url {
        DatabaseUrl::Sqlite(_) => ("randomblob(16)", "hex(randomblob(16))"),
        DatabaseUrl::Postgres(_) => ("gen_random_uuid()", "gen_random_uuid()::text"),
    };
    store.create_user(&new_user(1, "ada@example.com"), None, None, &event()).await.unwrap();
    let double = format!(
        "insert into users (id, name, email, email_key, password_hash, roles, state, generation, sessions_since, \
         revision, create_time, update_time) select {id}, name, {text}, {text}, password_hash, roles, \
         case state when 'active' then 'disabled' else 'active' end, generation, sessions_since, revision, create_time, \
         update_time from users"
    );
    let roles = "insert into user_roles (role, user_id) select 'editor', id from users";
    store.database.run(&format!("{}; {roles}", [double.as_str(); 12].join("; "))).await;
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let all = statements(&[&here]);
    let by_both: Vec<_> = all.iter().filter(|asked| asked.sql.contains("r.state = $3")).collect();
    assert_eq!(by_both.len(), 1);
    let plan = store.database.plan(&by_both[0].sql).await;
    assert!(plan.contains("user_roles_by_state"), "{plan}");
}

on_both_engines!(crate::support::Case:
    no_statement_scans_a_table,
    ended_sessions_hide_no_live_ones,
    users_with_role_and_state_are_found_by_one_index,
    three_thousand_live_sessions_are_all_listed,
);
