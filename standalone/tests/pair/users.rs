//! The commands of docs/operations/users.md, word for word.

use super::page::Page;
use super::support::{PASSWORD, Pair, folder};

const PAGE: &str = include_str!("../../../docs/operations/users.md");
const EMAIL: &str = "ada@example.com";
const NEW_PASSWORD: &str = "purple monkey dishwasher tango";

/// Runs the script, which must succeed with an empty standard error, and returns its output.
fn done(page: &Page<'_>, script: &str) -> String {
    let output = page.shell(script).env("NEW_PASSWORD", NEW_PASSWORD).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{out}\n{err}");
    out.into_owned()
}

#[test]
fn documented_commands_help_a_user() {
    let folder = folder();
    let pair =
        Pair::start(folder.path(), &[("AUTH_ADMIN_EMAIL", "root@example.com"), ("AUTH_ADMIN_PASSWORD", PASSWORD)]);
    let Some(page) = Page::new(PAGE, &pair) else { return };
    let login = |password: &str| {
        let request = format!(r#"{{"email":"{EMAIL}","password":"{password}"}}"#);
        page.call("AuthService/Login", &request).status.success()
    };
    let ada = format!(r#"{{"name":"Ada","email":"{EMAIL}","password":"{PASSWORD}"}}"#);
    assert!(page.call("UserService/CreateUser", &ada).status.success());
    for _ in 0..5 {
        assert!(!login("a wrong password"));
    }

    let find = page.block("Users and roles", 0);
    let found = done(&page, &find);
    let names = ["lastLoginTime", "failedAttempts", "lockExpireTime"];
    assert!(names.iter().all(|name| found.contains(&format!("\"{name}\""))), "an admin sees the lock: {found}");
    let with_user = |block: &str| done(&page, &format!("{find}\n{block}"));
    let changed = with_user(&page.block("Users and roles", 1));
    assert!(changed.contains("\"editor\"") && changed.contains("USER_STATE_DISABLED"), "{changed}");

    let [unlock, issue, complete, set] = [0, 1, 2, 3].map(|index| page.block("A user cannot log in", index));
    with_user(&unlock);
    assert!(login(PASSWORD), "the account is unlocked");
    let completed = with_user(&format!("{issue}\n{complete}"));
    assert!(completed.contains("\"accessToken\""), "{completed}");
    assert!(login(NEW_PASSWORD) && !login(PASSWORD));
    with_user(&set.replace("$NEW_PASSWORD", "$PASSWORD"));
    assert!(login(PASSWORD) && !login(NEW_PASSWORD));
    pair.stop();
}
