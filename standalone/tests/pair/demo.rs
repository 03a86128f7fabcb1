//! The demo plays its story against any pair, reports the result in its exit code, and leaves no data behind.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command};

use blog_service::api::v1::ListPostsRequest;
use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, ListUsersRequest};
use rustix::process::{Pid, Signal, kill_process};
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use super::support::{Outcome, Pair, folder, gatepost, tool};

/// Longest part of a token that the demo shows, in bytes.
const SHOWN_TOKEN_BYTES: usize = 12;

/// Exit code and output of a demo.
pub(super) struct DemoResult {
    code: Option<i32>,
    out: String,
    pub(super) err: String,
}

impl DemoResult {
    pub(super) fn run(command: &mut Command) -> Self {
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    pub(super) fn assert_success(&self) {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        assert!(self.out.trim_end().ends_with(" steps, all as expected"), "{}", self.out);
    }

    /// Returns each step's line with the answer below it.
    fn steps(&self) -> Vec<(String, String)> {
        let titled = self.out.split("\n# ").skip(1);
        titled
            .map(|step| {
                let below = step.split_once('\n').unwrap().1;
                let (mut line, mut rest) = below.split_once('\n').unwrap();
                while line.ends_with('\\') {
                    let next = rest.find('\n').unwrap();
                    line = &below[..line.len() + 1 + next];
                    rest = &rest[next + 1..];
                }
                (line.to_owned(), rest.split("\n✓").next().unwrap().to_owned())
            })
            .collect()
    }
}

pub(super) fn demo() -> Command {
    let mut command = gatepost();
    command.arg("demo");
    command
}

fn against(auth: &str, blog: &str) -> Command {
    let mut command = demo();
    command.args(["--auth-url", &format!("http://{auth}"), "--blog-url", &format!("http://{blog}")]);
    command
}

fn channel(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

/// Registers a witness, who must see no other user and no post.
async fn nothing_is_left(pair: &Pair) -> Outcome {
    let mut users = UserServiceClient::new(channel(&pair.auth));
    let request = CreateUserRequest {
        name: "Witness".into(),
        email: "witness@example.com".into(),
        password: "velvet anchor pepper tornado".into(),
        ..CreateUserRequest::default()
    };
    let token = users.create_user(request).await?.into_inner().tokens.unwrap().access_token.parse().unwrap();
    let with_token = |request: &mut tonic::metadata::MetadataMap| request.insert("api-token", token);
    let mut request = Request::new(ListUsersRequest::default());
    with_token.clone()(request.metadata_mut());
    let users = users.list_users(request).await?.into_inner().users;
    assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["Witness"]);
    let mut request = Request::new(ListPostsRequest::default());
    with_token(request.metadata_mut());
    let posts = PostServiceClient::new(channel(&pair.blog)).list_posts(request).await;
    // The blog of a mismatched pair refuses all calls, so that it has no posts.
    assert!(posts.is_err() || posts.is_ok_and(|posts| posts.into_inner().posts.is_empty()));
    Ok(())
}

#[test]
fn demo_alone_needs_nothing_and_leaves_nothing() {
    let place = folder();
    // The demo's own pair uses no such setting.
    let settings = [("AUTH_REGISTRATION", "closed"), ("BLOG_AUDIENCE", "other"), ("AUTH_LISTEN", "garbled")];
    let played = DemoResult::run(demo().envs(settings).env("TMPDIR", place.path()).current_dir(place.path()));
    played.assert_success();
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "the folder is removed");
    assert!(!played.out.contains('\u{1b}'), "no color without a terminal");
    let is_token = |word: &str| word.starts_with("eyJ") && word.len() > SHOWN_TOKEN_BYTES;
    let mut words = played.out.split(|char: char| !char.is_ascii_alphanumeric() && !"-_.".contains(char));
    assert!(!words.any(is_token), "a whole token: {}", played.out);
    let steps = played.steps();
    assert!(played.out.ends_with(&format!("\n{} steps, all as expected\n", steps.len())), "{}", played.out);
    for (line, answer) in steps {
        assert!(line.starts_with("grpcurl -plaintext ") || line.contains("=$(grpcurl -plaintext "), "{line}");
        assert!(answer.starts_with('{') || answer.starts_with("ERROR:\n  Code: "), "{answer}");
        // A token is recognized by the name of its field; `$TOKEN` stands for it in the lines.
        for field in answer.lines().filter(|field| field.contains("Token\": \"")) {
            let token = field.split('"').nth(3).unwrap();
            assert!(token.is_empty() || token.ends_with('…') && token.chars().count() <= 13, "{field}");
        }
        assert!(!line.contains("eyJ") && !answer.contains("eyJ") || answer.contains('…'), "{line}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_against_a_running_pair_can_be_repeated() -> Outcome {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    for _ in 0..2 {
        DemoResult::run(&mut against(&pair.auth, &pair.blog)).assert_success();
    }
    nothing_is_left(&pair).await?;
    pair.stop();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_counts_unexpected_answers_and_cleans_up() -> Outcome {
    let folder = folder();
    // A blog that accepts tokens only for another audience refuses every post.
    let pair = Pair::start(folder.path(), &[("BLOG_AUDIENCE", "other")]);
    let played = DemoResult::run(&mut against(&pair.auth, &pair.blog));
    assert_eq!(played.code, Some(1), "{}", played.out);
    assert_eq!(played.err, "gatepost: not every answer was as expected\n");
    for wanted in
        ["✗ expected an answer", "✗ not played: no answer has given $POST", " steps were not as expected: 11, "]
    {
        assert!(played.out.contains(wanted), "{wanted}: {}", played.out);
    }
    assert!(played.out.ends_with(" were left out\n"), "{}", played.out);
    nothing_is_left(&pair).await?;
    pair.stop();
    Ok(())
}

/// Reads until this text appears.
fn wait_for(child: &mut Child, text: &str) -> BufReader<std::process::ChildStdout> {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "the demo ended without: {text}");
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_the_demo_and_cleans_up() -> Outcome {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    for own in [false, true] {
        let mut command = if own { demo() } else { against(&pair.auth, &pair.blog) };
        let mut child = command.env("TMPDIR", folder.path()).spawn()?;
        let before = fs::read_dir(folder.path())?.count();
        let out = wait_for(&mut child, "She writes a second post.");
        kill_process(Pid::from_raw(i32::try_from(child.id())?).unwrap(), Signal::INT)?;
        let last = out.lines().last().unwrap()?;
        let output = child.wait_with_output()?;
        assert_eq!(output.status.code(), Some(1), "{last}");
        assert_eq!(String::from_utf8(output.stderr)?, "gatepost: stopped before the end of the story\n");
        assert!(last.contains(" steps were played; the last "), "{last}");
        assert!(fs::read_dir(folder.path())?.count() <= before, "the folder is removed");
    }
    nothing_is_left(&pair).await?;
    pair.stop();
    Ok(())
}

#[test]
fn reader_that_stops_early_is_not_a_failure() {
    let mut child = demo().spawn().unwrap();
    drop(wait_for(&mut child, "Ada registers"));
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn services_without_a_demo_get_one_sentence() {
    let (open, closed) = (folder(), folder());
    let pair = Pair::start(open.path(), &[]);
    let shut = Pair::start(closed.path(), &[("AUTH_REGISTRATION", "closed")]);
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for (auth, blog, code, sentence) in [
        (&dead, &pair.blog, 1, format!("nothing answers at http://{dead}: start `gatepost` there first")),
        (&pair.auth, &dead, 1, format!("nothing answers at http://{dead}: start `gatepost` there first")),
        (&pair.blog, &pair.auth, 1, format!("http://{} is not the auth service", pair.blog)),
        (&shut.auth, &shut.blog, 1, format!("registration is closed at http://{}", shut.auth)),
        (&"auth:1".to_owned(), &pair.blog, 2, "--auth-url: plaintext beyond loopback is refused".to_owned()),
        (&"auth".to_owned(), &pair.blog, 2, "--auth-url: write http://HOST:PORT".to_owned()),
    ] {
        let played = DemoResult::run(&mut against(auth, blog));
        assert_eq!((played.code, played.out.as_str()), (Some(code), ""), "{}", played.err);
        assert!(played.err.starts_with("gatepost: ") && played.err.contains(&sentence), "{}", played.err);
        assert_eq!(played.err.trim_end().lines().count(), 1, "{}", played.err);
    }
    assert_eq!(
        DemoResult::run(demo().args(["--auth-url", "http://127.0.0.1:1"])).code,
        Some(2),
        "both URLs or neither"
    );
}

/// Removes what differs between runs: hexadecimal digits (ids, times, addresses), and lines with the client's name or a
/// log position.
fn lasting(text: &str) -> String {
    const OTHERS: [&str; 4] = ["\"userAgent\"", "\"logId\"", "\"revision\"", "\"mark\""];
    let lines = text.lines().filter(|line| !OTHERS.iter().any(|other| line.contains(other)));
    lines.map(|line| line.replace(|letter: char| letter.is_ascii_hexdigit(), "")).collect::<Vec<_>>().join("\n")
}

/// Plays the demo with this command, and then its lines with grpcurl.
pub(super) fn play_with_grpcurl(command: &mut Command) {
    let grpcurl = tool("GATEPOST_GRPCURL", "grpcurl");
    if grpcurl == "skip" {
        println!("skipped: GATEPOST_GRPCURL=skip, so the demo's lines were not run");
        return;
    }
    let found = Command::new(&grpcurl).arg("--version").output();
    assert!(found.is_ok(), "grpcurl is missing: run scripts/test, or set GATEPOST_GRPCURL to its path (or to `skip`)");
    let played = DemoResult::run(command);
    played.assert_success();
    let lines: Vec<_> = played.steps().into_iter().map(|(line, _)| format!("{line} 2>&1\necho ----")).collect();
    let script = format!("grpcurl() {{ command \"$GRPCURL\" \"$@\"; }}\n{}", lines.join("\n"));
    let run = Command::new("bash").args(["-uc", &script]).env("GRPCURL", &grpcurl).output().unwrap();
    let (out, err) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap());
    assert_eq!(err, "", "{out}");
    let answers: Vec<&str> = out.split("----\n").collect();
    for ((line, shown), answer) in played.steps().iter().zip(answers) {
        // A line that keeps a value prints nothing.
        let shown = if line.contains("=$(") { "" } else { shown };
        // grpcurl escapes the marks of HTML in JSON.
        let answer = answer.replace("\\u003c", "<").replace("\\u003e", ">").replace("\\u0026", "&");
        assert_eq!(lasting(&answer), lasting(shown), "{line}");
    }
}

#[test]
fn every_line_works_word_for_word_with_grpcurl() {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    play_with_grpcurl(&mut against(&pair.auth, &pair.blog));
    pair.stop();
}
