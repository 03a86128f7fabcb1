//! Root works in the folders of the service's user, and the service still works afterwards.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use super::calls::{log_in, register};
use super::command::{Ended, names, refuses, run, succeeds};
use super::pair::{Pair, folder, gatepost};
use super::service::{Service, file};

/// User id of the service.
const USER: u32 = 65_532;

/// Group id of a service that reads files of root by their group, as with `fsGroup` in Kubernetes.
const GROUP: u32 = 64_532;

/// Returns a folder that every user can reach, and the path of the program in it. Prints a note and returns `None` if
/// this user is not root.
fn place() -> Option<(TempDir, PathBuf)> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root works in other users' folders");
        return None;
    }
    let place = folder();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path().join("gatepost");
    let built = env!("CARGO_BIN_EXE_gatepost");
    fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
    Some((place, program))
}

/// Creates a folder that belongs to the service's user.
fn owned(path: PathBuf) -> PathBuf {
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    chown(&path, Some(USER), Some(USER)).unwrap();
    path
}

/// Starts the auth service on this folder's database, as this user and group.
fn service(program: &Path, folder: &Path, [user, group]: [u32; 2]) -> Service {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).current_dir("/");
    command.args(["auth", "--listen", "127.0.0.1:0", "--database-url", &file(&folder.join("auth.db"))]);
    Service::spawn(command.uid(user).gid(group), Vec::new())
}

/// Runs `gatepost backup` or `restore` of the auth service alone, as root.
fn by_root(name: &str, backup: &Path, folder: &Path) -> Ended {
    let database = file(&folder.join("auth.db"));
    run(gatepost().arg(name).arg(backup).args(["--auth-database-url", &database]), folder)
}

/// Checks that the folder and its entries belong to the service's user.
#[track_caller]
fn belongs_to_the_user(folder: &Path) {
    for path in names(folder).iter().map(|name| folder.join(name)).chain([folder.to_owned()]) {
        let found = path.symlink_metadata().unwrap();
        assert_eq!((found.uid(), found.gid()), (USER, USER), "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn root_saves_and_restores_for_the_services_user() {
    let Some((place, program)) = place() else { return };
    let [data, backups, new] = ["data", "backups", "new"].map(|name| owned(place.path().join(name)));
    let mut first = service(&program, &data, [USER, USER]);
    register(&first.serves(), "ada@example.com").await;
    // The service runs during the first backup, and is stopped before the second.
    succeeds(&by_root("backup", &backups.join("monday"), &data));
    first.stop();
    succeeds(&by_root("backup", &backups.join("by-day/tuesday"), &data));
    for made in ["monday", "by-day", "by-day/tuesday"] {
        belongs_to_the_user(&backups.join(made));
    }
    let mut again = service(&program, &data, [USER, USER]);
    log_in(&again.serves(), "ada@example.com").await.unwrap();
    again.stop();

    for folder in [new.clone(), new.join("deeper/still")] {
        succeeds(&by_root("restore", &backups.join("by-day/tuesday"), &folder));
        assert_eq!(names(&folder).iter().filter(|name| name.starts_with("auth.")).count(), 3, "{:?}", names(&folder));
        let mut restored = service(&program, &folder, [USER, USER]);
        log_in(&restored.serves(), "ada@example.com").await.unwrap();
        restored.stop();
    }
    belongs_to_the_user(&new.join("deeper"));
    belongs_to_the_user(&new.join("deeper/still"));
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_by_root_refuses_links_to_roots_files() {
    let Some((place, program)) = place() else { return };
    let [data, backups] = ["data", "backups"].map(|name| owned(place.path().join(name)));
    let own = place.path().join("own");
    let mut first = service(&program, &data, [USER, USER]);
    first.serves();
    first.stop();
    for name in ["auth.key.pem", "auth.db"] {
        fs::copy(data.join(name), &own).unwrap();
        chown(&own, Some(0), Some(0)).unwrap();
        fs::rename(data.join(name), place.path().join("away")).unwrap();
        symlink(&own, data.join(name)).unwrap();
        let said = refuses(&by_root("backup", &backups.join("monday"), &data), 1);
        assert!(said.contains(&format!("{name} cannot be used (it is a link to another user's file)")), "{said}");
        assert_eq!(names(&backups), [""; 0]);
        fs::rename(place.path().join("away"), data.join(name)).unwrap();
    }
    succeeds(&by_root("backup", &backups.join("monday"), &data));
}

#[tokio::test(flavor = "multi_thread")]
async fn first_start_by_root_leaves_all_to_the_user() {
    let Some((place, program)) = place() else { return };
    let data = owned(place.path().join("data"));
    let mut first = service(&program, &data, [0, 0]);
    register(&first.serves(), "ada@example.com").await;
    // A killed process leaves SQLite's own files behind. They must belong to the user too.
    first.signal(Signal::KILL);
    assert_eq!(first.code(), None);
    assert_eq!(
        names(&data),
        ["auth.db", "auth.db-lock", "auth.db-shm", "auth.db-wal", "auth.db-witness", "auth.key.pem"]
    );
    belongs_to_the_user(&data);
    let mut second = service(&program, &data, [USER, USER]);
    log_in(&second.serves(), "ada@example.com").await.unwrap();
    second.stop();
    // Root may create the pair's folder inside the user's.
    Pair::start(&data.join("pair"), &[]).stop();
    belongs_to_the_user(&data.join("pair"));
}

#[tokio::test(flavor = "multi_thread")]
async fn key_file_of_the_services_group_is_read() {
    let Some((place, program)) = place() else { return };
    let data = owned(place.path().join("data"));
    let key = data.join("auth.key.pem");
    service(&program, &data, [USER, GROUP]).serves();
    chown(&data, Some(USER), Some(GROUP)).unwrap();
    chown(&key, Some(0), Some(GROUP)).unwrap();
    for mode in [0o640, 0o440, 0o660] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let mut started = service(&program, &data, [USER, GROUP]);
        started.serves();
        started.stop();
    }
    for (mode, group) in [(0o644, GROUP), (0o640, USER)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        chown(&key, Some(USER), Some(group)).unwrap();
        let why = service(&program, &data, [USER, GROUP]).refuses(1);
        assert!(why.contains("auth.key.pem can be read by other users: run `chmod 600` on it"), "{why}");
    }
}
