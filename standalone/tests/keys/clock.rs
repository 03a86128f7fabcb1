//! A command under a wrong clock: it warns if the clock is wrong by 2 s, and writes no time beyond the leeway.

use auth_service::{AdminCommand, KeysCommand};
use chrono::TimeDelta;
use clap::Args;
use kit::Clock;
use kit::config::Environment;
use testkit::postgres::database;

use super::output::{CommandOutput, keys, listed};
use super::outsider::{Home, Outsider};
use super::pair::gatepost;
use super::service::{MASTER_KEY, SEALED, Service, Which};
use super::tokens::register;

const ROLES: &str = "select email || ' ' || roles from users order by email";

/// Parses a command's arguments.
fn parsed<C: Args>(args: &[&str]) -> C {
    let command = C::augment_args(clap::Command::new("gatepost"));
    C::from_arg_matches(&command.try_get_matches_from(["gatepost"].iter().chain(args)).unwrap()).unwrap()
}

/// Runs `keys rotate` and `admin grant` under a clock that is `off` seconds ahead. Returns the commands' errors.
async fn act(url: &str, off: i64, flags: &[&str]) -> [Option<String>; 2] {
    let clock = Clock::wrong(TimeDelta::seconds(off));
    let environment = Environment::new(|name| (name == "AUTH_MASTER_KEY").then(|| MASTER_KEY.into()));
    let with_flags = |args: &[&'static str]| [args, &["--database-url", url], flags].concat();
    let rotate: KeysCommand = parsed(&with_flags(&["rotate", "--lead", "10s"]));
    let grant: AdminCommand = parsed(&with_flags(&["grant", "ada@example.com"]));
    let said = |done: Result<(), Box<dyn std::error::Error + Send + Sync>>| done.err().map(|error| error.to_string());
    [said(rotate.run(environment, clock.clone()).await), said(grant.run(clock).await)]
}

#[tokio::test(flavor = "multi_thread")]
async fn command_writes_no_time_of_a_wrong_clock() {
    for (off, flags, is_done) in [
        (3, &[][..], true),
        (-3, &[], true),
        (10, &[], false),
        (-10, &[], false),
        (-10, &["--clock-leeway", "20s"], true),
        (-10, &["--clock-leeway", "2s", "--trust-clock"], true),
    ] {
        let Some(database) = database().await else { return };
        let mut service = Service::start_with(Which::Auth, &database.url, &SEALED);
        register(&service.serves()).await;
        // Moves the first key's start of signing back by a minute, so that it is past for each clock of this test.
        database.run("update signing_keys set sign_time = sign_time - interval '1 minute'").await;
        let errors = act(&database.url, off, flags).await;
        let (keys, roles) = (listed(&database.url).len(), Outsider::of_server(&database.url).await.texts(ROLES).await);
        if is_done {
            assert_eq!(errors, [None, None], "{off} {flags:?}");
            assert_eq!((keys, roles), (2, vec!["ada@example.com admin".to_owned()]));
        } else {
            let direction = if off > 0 { " s ahead of" } else { " s behind" };
            for error in errors.into_iter().map(|error| error.unwrap_or_else(|| panic!("{off}: the command succeeded")))
            {
                assert!(error.starts_with("the clock is ") && error.contains(direction), "{error}");
                assert!(error.contains("the 5 s of --clock-leeway (AUTH_CLOCK_LEEWAY), and nothing was written"));
            }
            assert_eq!((keys, roles), (1, vec!["ada@example.com ".to_owned()]));
        }
        service.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_future_time_stops_a_command() {
    let home = Home::all().await.remove(0);
    let url = home.url();
    let mut service = Service::start_with(Which::Auth, &url, &[]);
    register(&service.serves()).await;
    service.stop();
    // A service on another machine with a clock an hour ahead left this state.
    let ahead = (Clock::system().now() + TimeDelta::seconds(3600)).timestamp_micros();
    let anchor = format!("update secrets set value = cast('{ahead} 1 other' as blob) where name = 'clock-anchor'");
    home.outsider().await.run(&anchor).await;
    let output = keys(&url, &[], &["list"]);
    assert!(output.code == 0 && warns(&output.err), "{}", output.err);
    for args in [&["keys", "rotate"][..], &["admin", "grant", "ada@example.com"]] {
        let run = |further: &[&str]| {
            CommandOutput::from_process(
                &gatepost().args(args).args(further).env("AUTH_DATABASE_URL", &url).output().unwrap(),
            )
        };
        let output = run(&[]);
        assert_eq!((output.code, output.out.as_str()), (1, ""), "{args:?}: {}", output.err);
        assert!(warns(&output.err) && output.err.contains("and nothing was written"), "{}", output.err);
        let output = run(&["--trust-clock"]);
        assert!(output.code == 0 && warns(&output.err), "{args:?}: {}", output.err);
    }
    assert_eq!(listed(&url).len(), 2);
}

/// Returns `true` if the output says how wrong the clock is.
fn warns(said: &str) -> bool {
    let behind = |line: &str| {
        let rest = line.strip_prefix("the clock is ")?;
        let (seconds, rest) = rest.split_once(" s behind the boot clock and the times in the database: set it")?;
        Some(rest.starts_with(", and keep it right") && seconds.parse::<f64>().is_ok_and(|seconds| seconds > 3_000.0))
    };
    said.lines().any(|line| behind(line) == Some(true))
}
