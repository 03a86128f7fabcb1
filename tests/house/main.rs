//! Checks of the rules of docs/ARCHITECTURE.md on the sources: allowed imports, migrations, statements.

#![cfg(test)]

mod cycles;
mod language;
mod migrations;
mod modules;
mod shapes;

use std::fs;
use std::path::{Path, PathBuf};

/// A rule: no line of code in the files below `room` contains any of `words`.
struct Rule {
    room: &'static str,
    except: &'static [&'static str],
    words: &'static [&'static str],
}

const RULES: [Rule; 24] = [
    // The library imports no other member. `auth_service_client` belongs to the contract.
    Rule { room: "src", except: &[], words: &["kit::", "db::", "sqlx", "argon2", "auth_service::", "blog_service::"] },
    // The blog's contract belongs to the blog service: a change of posts must not change the guard.
    Rule { room: "src", except: &[], words: &["gatepost.blog", "blog::"] },
    // The kit knows neither service.
    Rule { room: "kit/src", except: &[], words: &["auth_service", "blog_service", "api::auth"] },
    // The crate `db` knows neither service.
    Rule { room: "db/src", except: &[], words: &["auth_service", "blog_service", "io::stderr", "eprint", "println!"] },
    // The testkit knows neither service.
    Rule { room: "testkit/src", except: &[], words: &["auth_service", "blog_service"] },
    // The services meet only over the wire.
    Rule { room: "auth-service/src", except: &[], words: &["blog_service::"] },
    Rule { room: "blog-service/src", except: &[], words: &["auth_service::", "api::auth"] },
    // The domain imports neither wire nor database, and of our code only `PURE`.
    Rule {
        room: "auth-service/src/domain",
        except: &[],
        words: &["tonic", "sqlx", "gatepost::", "kit::", "crate::store", "crate::rpc", "crate::tokens", "crate::keys"],
    },
    // Import order between the rooms of keys and tokens: `tokens → model`, `rotation → storage → model`.
    Rule { room: "auth-service/src/tokens", except: &[], words: &["keys::storage", "keys::rotation", "crate::store"] },
    Rule {
        room: "auth-service/src/keys/model",
        except: &[],
        words: &["keys::storage", "keys::rotation", "crate::store", "clap::"],
    },
    Rule { room: "auth-service/src/keys/storage", except: &[], words: &["keys::rotation"] },
    Rule {
        room: "auth-service/src/keys",
        except: &[],
        words: &["crate::tokens", "crate::state", "crate::rpc", "crate::app", "crate::config", "crate::commands"],
    },
    // Only the command line and the configuration name clap; the command line may import the configuration.
    Rule {
        room: "auth-service/src",
        except: &[
            "auth-service/src/commands",
            "auth-service/src/config",
            "auth-service/src/config.rs",
            "auth-service/src/console",
            "auth-service/src/main.rs",
        ],
        words: &["clap::"],
    },
    Rule { room: "auth-service/src/config", except: &[], words: &["crate::commands"] },
    Rule {
        room: "blog-service/src/domain",
        except: &[],
        words: &["tonic", "sqlx", "gatepost", "kit::", "crate::app", "crate::store", "crate::rpc"],
    },
    // Use cases use domain types: adapters convert to and from the wire.
    Rule {
        room: "blog-service/src/app",
        except: &[],
        words: &["tonic", "prost", "crate::api", "crate::convert", "crate::rpc"],
    },
    // Adapters of the wire reach the store only through use cases.
    Rule { room: "auth-service/src/app", except: &[], words: &["tonic", "prost", "gatepost::api", "sqlx"] },
    Rule { room: "auth-service/src/rpc", except: &[], words: &["crate::store", "sqlx"] },
    // Services print only through `kit::output`: a direct write blocks on a slow reader, or panics without a reader.
    Rule {
        room: "kit/src",
        except: &["kit/src/output", "kit/src/process.rs"],
        words: &["io::stderr", "eprint", "println!"],
    },
    Rule { room: "auth-service/src", except: &[], words: &["io::stderr", "eprint", "println!"] },
    Rule { room: "blog-service/src", except: &[], words: &["io::stderr", "io::stdout", "eprint", "println!"] },
    Rule { room: "standalone/src", except: &[], words: &["io::stderr", "eprint", "println!"] },
    // Only the crate `db` names a database driver; the services' stores have a rule below.
    Rule { room: "kit/src", except: &[], words: &["sqlx", " db::"] },
    // Copies of whole databases have their own rooms.
    Rule { room: "standalone/src", except: &["standalone/src/copy", "standalone/src/backup"], words: &["sqlx"] },
];

/// The only names of our code that a domain may import: a table of characters and a macro for ids. They import nothing of
/// our code.
const PURE: [&str; 2] = ["kit::characters::", "kit::id_type!"];

/// Rooms of a service that may name the wire, and rooms that may name the database.
const WIRE: [&str; 6] = ["api.rs", "console", "convert.rs", "convert", "error.rs", "rpc"];
const DATABASE: [&str; 1] = ["store"];

/// Rooms of a service, from the wire down. A room must not name an earlier one.
const ORDER: [&str; 14] = [
    "run",
    "commands",
    "console",
    "rpc",
    "convert",
    "app",
    "error",
    "feed",
    "view",
    "tokens",
    "keys",
    "store",
    "passwords",
    "domain",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Returns all Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Returns the lines of code that contain one of the words.
fn naming(file: &Path, words: &[&str]) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let impure = |line: &str| PURE.iter().fold(line.to_owned(), |line, pure| line.replace(pure, ""));
    code.filter(|(_, line)| words.iter().any(|word| impure(line).contains(word)))
        .map(|(number, line)| {
            format!("{}:{}: {}", file.strip_prefix(root()).unwrap().display(), number + 1, line.trim())
        })
        .collect()
}

#[test]
fn no_room_uses_a_forbidden_name() {
    let mut broken = Vec::new();
    for Rule { room, except, words } in RULES {
        let allowed = |file: &Path| except.iter().any(|except| file.starts_with(root().join(except)));
        for file in files(&root().join(room)).iter().filter(|file| !allowed(file)) {
            broken.extend(naming(file, words));
        }
    }
    assert!(broken.is_empty(), "the house's rules are broken:\n{}", broken.join("\n"));
}

#[test]
fn wire_and_database_are_named_only_in_their_rooms() {
    let mut broken = Vec::new();
    for service in ["auth-service/src", "blog-service/src"] {
        let folder = root().join(service);
        for file in files(&folder) {
            let room = file.strip_prefix(&folder).unwrap().iter().next().unwrap().to_str().unwrap().to_owned();
            if !WIRE.contains(&room.as_str()) {
                broken.extend(naming(&file, &["tonic", "api::auth::v1::{", "api::v1::{"]));
            }
            if !DATABASE.contains(&room.as_str()) {
                broken.extend(naming(&file, &["sqlx"]));
            }
        }
    }
    assert!(broken.is_empty(), "the house's rules are broken:\n{}", broken.join("\n"));
}

#[test]
fn rooms_of_a_service_import_in_one_direction() {
    let mut broken = Vec::new();
    for service in ["auth-service/src", "blog-service/src"] {
        let folder = root().join(service);
        for file in files(&folder) {
            let name = file.strip_prefix(&folder).unwrap().iter().next().unwrap().to_str().unwrap();
            let place = ORDER.iter().position(|room| *room == name.trim_end_matches(".rs"));
            let above = ORDER[..place.unwrap_or(0)].iter().map(|room| format!("crate::{room}")).collect::<Vec<_>>();
            broken.extend(naming(&file, &above.iter().map(String::as_str).collect::<Vec<_>>()));
        }
    }
    assert!(broken.is_empty(), "rooms that name an earlier room:\n{}", broken.join("\n"));
}

/// The table of dependencies of a manifest, without the development dependencies.
fn dependencies(manifest: &str) -> &str {
    let table = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    table.split("\n[").next().unwrap_or_default()
}

#[test]
fn programs_of_users_do_not_contain_the_testkit() {
    for room in ["", "kit", "db", "auth-service", "blog-service", "standalone"] {
        let manifest = fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
        assert!(!dependencies(&manifest).contains("testkit"), "{room}: testkit is for tests alone");
    }
    // The drills need it, so the check can find it.
    assert!(dependencies(&fs::read_to_string(root().join("bench/Cargo.toml")).unwrap()).contains("testkit"));
}

#[test]
fn each_status_of_a_service_has_details() {
    // A status without a reason counts as one of the transport (kit/src/serve/transport.rs).
    let bare = ["new", "internal", "out_of_range", "cancelled", "unimplemented", "with_metadata"];
    let words = bare.map(|name| format!("Status::{name}("));
    let mut broken = Vec::new();
    for file in ["auth-service/src", "blog-service/src"].iter().flat_map(|room| files(&root().join(room))) {
        broken.extend(naming(&file, &words.each_ref().map(String::as_str)));
    }
    assert!(broken.is_empty(), "use gatepost::status::status:\n{}", broken.join("\n"));
}

#[test]
fn stores_do_not_depend_on_their_engine() {
    // Both engines share the SQL text. Statements run only through db's macros, so that rows of a write are not used before
    // its commit (docs/decisions/0006). Each statement is one literal, so that the stores' tests can check its plan.
    let words = ["sqlx::sqlite", "sqlx::postgres", "Sqlite", "Postgres", "PgConnection", "lease_reader", "now()"]
        .into_iter()
        .chain(["AssertSqlSafe", "QueryBuilder", "concat!"])
        .collect::<Vec<_>>();
    let mut broken = Vec::new();
    for file in ["auth-service/src/store", "blog-service/src/store"].iter().flat_map(|room| files(&root().join(room))) {
        broken.extend(naming(&file, &words));
    }
    assert!(broken.is_empty(), "statements that do not fit both engines:\n{}", broken.join("\n"));
}

/// Returns the names of a store's methods that no case of its suite calls.
fn untried(store: &Path, suite: &Path) -> Vec<String> {
    let text = |folder| files(folder).iter().map(|file| fs::read_to_string(file).unwrap()).collect::<String>();
    let (store, suite) = (text(store), text(suite));
    let methods = store.lines().filter_map(|line| line.trim_start().strip_prefix("pub async fn "));
    let names = methods.filter_map(|line| line.split(['(', '<']).next());
    let is_called = |name: &str| [".", "::"].iter().any(|before| suite.contains(&format!("{before}{name}(")));
    names.filter(|name| !is_called(name)).map(str::to_owned).collect()
}

#[test]
fn each_store_method_has_a_case_in_its_suite() {
    for service in ["auth-service", "blog-service"].map(|service| root().join(service)) {
        let untried = untried(&service.join("src/store"), &service.join("tests/store"));
        assert!(untried.is_empty(), "{} has no case for {untried:?}", service.join("tests/store").display());
    }
}

#[test]
fn each_reason_of_the_contract_is_shown_by_a_test() {
    let mut unshown = Vec::new();
    for (package, rooms) in [
        ("gatepost.auth.v1", ["auth-service/tests", "standalone/tests", "tests/guard"]),
        ("gatepost.blog.v1", ["blog-service/tests", "standalone/tests", "blog-service/tests"]),
    ] {
        let tests = rooms.iter().flat_map(|room| files(&root().join(room)));
        let tests: String = tests.map(|file| fs::read_to_string(file).unwrap()).collect();
        let unnamed = reasons(package).into_iter().filter(|reason| !tests.contains(&format!("\"{reason}\"")));
        unshown.extend(unnamed.map(|reason| format!("{package} {reason}")));
    }
    assert!(unshown.is_empty(), "no test asserts these reasons: {unshown:?}");
}

/// Returns the reasons of a package, as on the wire.
fn reasons(package: &str) -> Vec<String> {
    let path = format!("{}/error_reason.proto", package.replace('.', "/"));
    let set = protox::compile([path], [root().join("proto")]).unwrap();
    let enums = set.file.into_iter().flat_map(|file| file.enum_type).filter(|found| found.name() == "ErrorReason");
    let names = enums.flat_map(|found| found.value).map(|value| value.name().replace("ERROR_REASON_", ""));
    names.filter(|name| name != "UNSPECIFIED").collect()
}

#[test]
fn shared_import_of_the_domains_imports_nothing() {
    for (file, words) in [("characters.rs", ["use ", "::"]), ("id_type.rs", ["use ", "crate::"])] {
        assert_eq!(naming(&root().join("kit/src").join(file), &words), [""; 0]);
    }
}

#[test]
fn files_are_short_and_commented() {
    let rooms = [
        "src",
        "kit/src",
        "db/src",
        "auth-service/src",
        "blog-service/src",
        "standalone/src",
        "bench/src",
        "testkit/src",
        "fuzz/src",
    ];
    let generated = root().join("src/generated");
    let files = rooms.iter().flat_map(|room| files(&root().join(room)));
    for file in files.filter(|file| !file.starts_with(&generated)) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.lines().count() <= 350, "{} is longer than 350 lines", file.display());
        assert!(text.starts_with("//!"), "{} does not begin with a `//!` comment", file.display());
    }
}

#[test]
fn each_rule_detects_a_violation() {
    // The checks must be able to find something: the stores name the driver.
    let store = root().join("auth-service/src/store/users.rs");
    assert!(!naming(&store, &["sqlx"]).is_empty());
    // The adapters name the wire and the use cases.
    let adapter = root().join("auth-service/src/rpc/user.rs");
    for words in [["tonic"], ["prost"], ["gatepost::api"], ["crate::app"]] {
        assert!(!naming(&adapter, &words).is_empty(), "{words:?}");
    }
    // A service's suite calls few methods of the other service's store.
    let untried = untried(&root().join("auth-service/src/store"), &root().join("blog-service/tests/store"));
    assert!(untried.contains(&"create_user".to_owned()) && !untried.contains(&"open".to_owned()), "{untried:?}");
}
