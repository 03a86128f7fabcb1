//! A key file without its database: an empty database must not replace the lost one unnoticed.

use std::fs;

use super::pair::{Pair, fails, folder, gatepost};
use super::service::{MASTER_KEY, Service, Which, file};

#[test]
fn key_without_its_database_stops_the_start() {
    let folder = folder();
    let (database, key) = (folder.path().join("a.db"), folder.path().join("a.key.pem"));
    let mut first = Service::start(Which::Auth, &file(&database));
    first.serves();
    first.stop();
    let others: [&[(&str, &str)]; 3] =
        [&[], &[("AUTH_MASTER_KEY", MASTER_KEY)], &[("JWT_SECRET_KEY", "thicket-marimba-oblong-quince-42-umbel")]];
    for settings in others {
        fs::write(&database, "").unwrap();
        let why = Service::start_with(Which::Auth, &file(&database), settings).refuses(1);
        assert!(why.contains("a.db is empty, but ") && why.contains("a.key.pem holds its signing keys"), "{why}");
        assert_eq!(fs::metadata(&database).unwrap().len(), 0);
        fs::remove_file(&database).unwrap();
        let why = Service::start_with(Which::Auth, &file(&database), settings).refuses(1);
        assert!(why.contains("a.db is missing, but ") && why.contains("a.key.pem holds its signing keys"), "{why}");
        assert!(why.ends_with("then restore a backup (`gatepost restore`) or start without users"), "{why}");
        assert!(!database.exists() && key.exists(), "no database is created, and the key is kept");
    }
    fs::rename(&key, folder.path().join("away")).unwrap();
    let mut next = Service::start(Which::Auth, &file(&database));
    next.serves();
    next.stop();
}

#[test]
fn pair_without_its_database_says_so() {
    let folder = folder();
    Pair::start(folder.path(), &[]).stop();
    fs::remove_file(folder.path().join("auth.db")).unwrap();
    let listen = ["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--data-dir"];
    let (code, said) = fails(gatepost().args(listen).arg(folder.path()));
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("auth.db is missing, but ") && said.contains("auth.key.pem holds its signing keys"),
        "{said}"
    );
}
