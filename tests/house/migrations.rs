//! The rules of migrations (docs/migrations.md).

use std::fs;
use std::path::Path;

use crate::root;

#[test]
fn migrations_have_the_same_numbers_and_names_for_both_engines() {
    let names = |service: &str, engine: &str| -> Vec<String> {
        let folder = root().join(service).join("migrations").join(engine);
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let files = entries.map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file());
        let mut names: Vec<_> = files.map(|file| file.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    for service in ["auth-service", "blog-service"] {
        let sqlite = names(service, "sqlite");
        assert_eq!(sqlite, names(service, "postgres"), "{service}");
        for (index, name) in sqlite.iter().enumerate() {
            assert!(name.starts_with(&format!("{:04}_", index + 1)), "{service}: {name} is out of order");
            assert!(Path::new(name).extension().is_some_and(|extension| extension == "sql"), "{service}: {name}");
            let first_named = if service == "auth-service" { 15 } else { 4 };
            let oldest = name.trim_end_matches(".sql").rsplit_once("_from_").and_then(|(_, from)| from.parse().ok());
            let names_oldest = oldest.is_some_and(|oldest: usize| oldest <= index);
            assert!(
                index < first_named || names_oldest,
                "{service}: {name} does not end with the oldest version that works on it (docs/migrations.md#going-back)"
            );
            for engine in ["sqlite", "postgres"] {
                let file = root().join(service).join("migrations").join(engine).join(name);
                // Without a transaction, a kill leaves half of the migration (docs/migrations.md).
                let text = fs::read_to_string(file).unwrap();
                assert!(!text.contains("no-transaction"), "{service}: {engine}: {name}");
                // Migrations up to 10 have closed lists; migration 11 opened those of all tables without references to
                // them.
                let is_open = index < 10 && service == "auth-service" || !text.contains(" in ('");
                assert!(is_open, "{service}: {engine}: {name} has a closed list of values, which may grow");
            }
            let file = root().join(service).join("migrations/postgres").join(name);
            // Older files have their steps in separate files.
            let last_without = if service == "auth-service" { 8 } else { 2 };
            // The store runs a file with a file of steps on an empty database only.
            let store = fs::read_to_string(root().join(service).join("src/store/mod.rs")).unwrap();
            let has_steps = store.contains(&format!("postgres/steps/{name}\")"));
            if index >= last_without && !has_steps {
                let slow = slow_statement(&fs::read_to_string(file).unwrap());
                assert!(slow.is_none(), "{service}: {name}: needs steps (docs/migrations.md) for: {}", slow.unwrap());
            }
        }
    }
}

/// Returns the first statement of a migration without steps that changes all rows of an existing table.
fn slow_statement(text: &str) -> Option<String> {
    if text.lines().any(|line| line.starts_with("-- step")) {
        return None;
    }
    let text = text.to_lowercase();
    let made: Vec<_> =
        text.split("create table ").skip(1).filter_map(|rest| rest.split([' ', '(', '\n']).next()).collect();
    let is_slow = |line: &&str| {
        let writes = ["update ", "delete ", "insert "].iter().any(|verb| line.starts_with(verb));
        let index = line.starts_with("create index ") || line.starts_with("create unique index ");
        let table = line.split(" on ").nth(1).and_then(|rest| rest.split([' ', '(']).next()).unwrap_or_default();
        writes || index && !made.contains(&table)
    };
    text.lines().find(is_slow).map(str::to_owned)
}
