//! Query plans: no statement scans a whole table.

use std::path::Path;

use blog_service::store::DatabaseUrl;
use testkit::on_both_engines;
use testkit::statements::statements;

use crate::support::{Case, draft, new_post};

async fn no_statement_scans_a_table(store: Case) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = statements(&[&here.join("src/store"), &here.join("../db/src")]);
    let walks = store.database.scans(&all).await;
    assert!(walks.is_empty(), "these of {} statements scan:\n{}", all.len(), walks.join("\n"));
}

/// Indexes of the statements of lists, each with a part of its statements' text.
const INDEXES: [(&str, &str); 11] = [
    ("where state = $1 and id > $2", "posts_by_state"),
    ("where state = $1 and id < $2", "posts_by_state"),
    ("(publish_time, id) > ($2, $3)", "posts_by_publish_time"),
    ("(publish_time, id) < ($2, $3)", "posts_by_publish_time"),
    ("(update_time, id) > ($2, $3)", "posts_by_update_time"),
    ("(update_time, id) < ($2, $3)", "posts_by_update_time"),
    ("(title, id) > ($2, $3)", "posts_by_title"),
    ("(title, id) < ($2, $3)", "posts_by_title"),
    ("and state = $2 and id > $3", "posts_by_owner"),
    ("and state = $2 and id < $3", "posts_by_owner"),
    ("where owner_id = $1 and state = $2 order by id limit", "posts_by_owner"),
];

/// Fills the tables with 32,768 posts, half of them published, all with a tag.
async fn fill(store: &Case) {
    const COLUMNS: &str = "revision, create_time, update_time, publish_time, content, made_excerpt";
    let (id, text) = match store.database.url {
        DatabaseUrl::Sqlite(_) => ("randomblob(16)", "hex(randomblob(16))"),
        DatabaseUrl::Postgres(_) => ("gen_random_uuid()", "gen_random_uuid()::text"),
    };
    store.create_post(new_post(1), None).await.unwrap().unwrap();
    store.create_post(draft(2), None).await.unwrap().unwrap();
    let double = format!(
        "insert into posts (id, owner_id, title, state, {COLUMNS}) select {id}, {id}, {text}, state, {COLUMNS} from posts"
    );
    let tags = "insert into post_tags (tag, post_id) select 'rust', id from posts";
    store.database.run(&format!("{}; {tags}", [double.as_str(); 14].join("; "))).await;
}

async fn each_list_reads_its_index_in_order(store: Case) {
    fill(&store).await;
    let all = statements(&[&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")]);
    let plan = async |part: &str| {
        let mut found = all.iter().filter(|asked| asked.place.ends_with("lists.rs") && asked.sql.contains(part));
        let (Some(asked), None) = (found.next(), found.next()) else { panic!("no single statement has: {part}") };
        // A server plans for this limit when it knows the values.
        let sql = (2..=5).fold(asked.sql.clone(), |sql, number| sql.replace(&format!("limit ${number}"), "limit 51"));
        store.database.plan(&sql).await
    };
    for (part, index) in INDEXES {
        let plan = plan(part).await;
        assert!(plan.contains(index) && !plan.contains("Sort") && !plan.contains("B-TREE"), "{part}\n{plan}");
    }
    // The few posts of a short range may be sorted.
    assert!(plan("and publish_time <= $3 order by").await.contains("posts_by_publish_time"));
    for part in ["post_id > $2", "post_id < $2"] {
        let plan = plan(part).await;
        let is_direct = plan.contains("SEARCH posts") || plan.contains("Nested Loop");
        assert!(is_direct && plan.contains("post_tags") && !plan.contains("Seq Scan"), "{plan}");
    }
}

on_both_engines!(crate::support::Case:
    no_statement_scans_a_table,
    each_list_reads_its_index_in_order,
);
