//! The commands of docs/operations/move.md, word for word, after the steps that it names before them.

use std::process::Command;

use super::known_data::{KnownData, Places};
use super::pair::folder;
use super::service::{Service, Which, command, file};

const PAGE: &str = include_str!("../../../docs/operations/move.md");

/// Returns the shell block under the heading "Move a database".
fn block() -> &'static str {
    let section = PAGE.split("# Move a database").nth(1).expect("the page has the section");
    section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("it has a shell block")
}

#[tokio::test(flavor = "multi_thread")]
async fn documented_commands_move_a_pair_word_for_word() {
    let Some(auth_to) = testkit::postgres::database().await else { return };
    let Some(blog_to) = testkit::postgres::database().await else { return };
    let folder = folder();
    let data = folder.path().join("gatepost-data");
    let mut auth = Service::start_with(Which::Auth, &file(&data.join("auth.db")), &[]);
    let at = auth.serves();
    let with_auth = |url: &str, at: &str| {
        Service::spawn(command(Which::Blog, url).args(["--auth-url", &format!("http://{at}")]), Vec::new())
    };
    let mut blog = with_auth(&file(&data.join("blog.db")), &at);
    let known = KnownData::create(&Places { auth: at, blog: blog.serves() }).await;
    auth.stop();
    blog.stop();

    // The last line is the key, which the next step needs.
    let script = format!("set -e\ngatepost() {{ \"$GATEPOST\" \"$@\" >&2; }}\n{}\necho \"$AUTH_MASTER_KEY\"", block());
    let run = Command::new("bash")
        .args(["-uo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .env("GATEPOST", env!("CARGO_BIN_EXE_gatepost"))
        .env("AUTH_DATABASE_URL", &auth_to.url)
        .env("BLOG_DATABASE_URL", &blog_to.url)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let key = String::from_utf8(run.stdout).unwrap().trim().to_owned();
    assert!(!String::from_utf8_lossy(&run.stderr).contains(&key), "the key is not printed");

    let mut auth = Service::start_with(Which::Auth, &auth_to.url, &[("AUTH_MASTER_KEY", &key)]);
    let at = auth.serves();
    let mut blog = with_auth(&blog_to.url, &at);
    known.check(&Places { auth: at, blog: blog.serves() }).await;
}
