//! Commands on the database: beside a running service, without a database, with a wrong clock.

use super::person::Person;
use super::world::{ROOT, World};

#[tokio::test(flavor = "multi_thread")]
async fn running_service_holds_its_file() {
    let mut world = World::on_file(&[]);
    let operator = world.operator();
    let held = operator.refused(1, &["users", "list"]);
    assert!(held.contains("a service is running on ") && held.contains("--auth-url URL"), "{held}");
    world.kill();
    assert_eq!(operator.document(&["users", "list"]).as_array().unwrap().len(), 1, "a killed one does not");
    let by_flag = Person::new();
    let listed = by_flag.document(&["users", "list", "--database-url", &world.home.url()]);
    assert_eq!(listed[0]["email"], ROOT);
}

#[test]
fn folder_of_the_pair_selects_its_database() {
    let folder = super::pair::folder();
    let settings = [("AUTH_ADMIN_EMAIL", ROOT), ("AUTH_ADMIN_PASSWORD", super::pair::PASSWORD)];
    super::pair::Pair::start(folder.path(), &settings).stop();
    let data = folder.path().to_str().unwrap();
    let mut operator = Person::new();
    for args in [&["users", "--data-dir", data, "list"][..], &["users", "list", "--data-dir", data]] {
        assert_eq!(operator.document(args)[0]["email"], ROOT, "{args:?}");
    }
    // A flag takes precedence over the variables.
    operator.variables = vec![("GATEPOST_DATA_DIR", "/absent".into()), ("AUTH_DATABASE_URL", "sqlite:/absent".into())];
    assert_eq!(operator.document(&["users", "list", "--data-dir", data])[0]["email"], ROOT);
    assert!(operator.refused(2, &["users", "list"]).contains("at once"));
    operator.variables = vec![("GATEPOST_DATA_DIR", data.into())];
    assert_eq!(operator.document(&["users", "list"])[0]["email"], ROOT);
    let auth = operator.document(&["auth", "users", "list"]);
    assert_eq!(auth[0]["email"], ROOT, "the service's program has the same commands");
}

#[test]
fn command_on_the_database_sweeps_nothing() {
    let mut world = World::on_file(&[]);
    world.stop();
    let operator = world.operator();
    let events = operator.document(&["audit", "list"]);
    let all: Vec<_> = (0..3).map(|_| operator.document(&["audit", "list"])).collect();
    assert!(all.iter().all(|again| *again == events), "reading changes nothing");
    let result = operator.run(&["users", "list"], "");
    assert_eq!((result.code, result.err.as_str()), (0, ""), "reading says nothing");
}
