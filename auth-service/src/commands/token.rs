//! `gatepost token`: shows a token, and why a guard would refuse it.

use std::error::Error;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::{Args, Subcommand};
use gatepost::Token;
use kit::Clock;
use kit::cli::{CheckList, CheckState, OutputFlags, OutputFormat, json, print, table};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::{Map, Value};

use super::input::read_secret;
use crate::tokens::{Expectations, Presented, UnverifiedJwt};

const HELP: &str = "\
The token is read from standard input: `printf %s \"$TOKEN\" | gatepost token inspect`. The output has its claims, and not the \
token. The exit code is 1 if a guard would refuse the token.";

/// Claims that are times in seconds since 1970.
const TIMES: [&str; 3] = ["iat", "nbf", "exp"];

/// Inspect a token
#[derive(Clone, Debug, Args)]
pub struct TokenCommand {
    #[command(subcommand)]
    action: TokenAction,
}

#[derive(Clone, Debug, Subcommand)]
enum TokenAction {
    /// Print the header, the claims and the times of a token, and why a guard would refuse it
    #[command(after_help = HELP)]
    Inspect(InspectFlags),
}

#[derive(Clone, Debug, Args)]
struct InspectFlags {
    /// Issuer that the token must have: that of the auth service
    #[arg(long, value_name = "ISSUER")]
    issuer: Option<String>,
    /// Audience of the guard, which the token must name
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,
    #[command(flatten)]
    form: OutputFlags,
}

/// Token as programs read it.
#[derive(Debug, Serialize)]
struct ShownToken {
    kind: &'static str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    header: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    claims: Map<String, Value>,
    checks: CheckList,
}

impl TokenCommand {
    /// Prints the result of the inspection to standard output.
    ///
    /// # Errors
    /// Fails without a token, and names the rules that a guard would refuse the token by.
    pub fn run(self, clock: &Clock) -> Result<(), Box<dyn Error + Send + Sync>> {
        let TokenAction::Inspect(InspectFlags { issuer, audience, form }) = self.action;
        let text = read_secret("the token", "")?;
        let shown = ShownToken::inspect(text.expose_secret(), &Expectations { issuer, audience }, clock.now());
        match form.output {
            OutputFormat::Json => print(&json(&shown)),
            OutputFormat::Table => print(&shown.text(clock.now())),
        }
        Ok(shown.checks.verdict()?)
    }
}

impl ShownToken {
    fn inspect(text: &str, expected: &Expectations, now: DateTime<Utc>) -> Self {
        if let Err(fault) = Token::parse(text) {
            return Self::other("no token", CheckState::Failed, &format!("{fault}: pass the token as it was received"));
        }
        match Presented::read(text) {
            Presented::Jwt(jwt) => Self::jwt(&jwt, expected, now),
            Presented::Broken(fault) => Self::other("broken JWT", CheckState::Failed, fault),
            Presented::Refresh => Self::other(
                "refresh token",
                CheckState::Failed,
                "guards take access tokens: get one for it with AuthService/RefreshToken",
            ),
            Presented::ResetCode => Self::other(
                "reset code",
                CheckState::Failed,
                "guards take access tokens: set a password with it by AuthService/CompletePasswordReset",
            ),
            Presented::Opaque => {
                let text = "the text has no structure, as a service key: only the auth service can tell";
                Self::other("opaque token", CheckState::Skipped, text)
            }
        }
    }

    fn other(kind: &'static str, state: CheckState, text: &str) -> Self {
        let mut checks = CheckList::default();
        checks.add("form", state, text);
        Self { kind, header: Map::new(), claims: Map::new(), checks }
    }

    fn jwt(jwt: &UnverifiedJwt, expected: &Expectations, now: DateTime<Utc>) -> Self {
        let mut checks = CheckList::default();
        checks.add("form", CheckState::Ok, "JWT with three parts");
        for check in jwt.check(expected, now) {
            let (state, text) = match check.result {
                Some(Ok(text)) => (CheckState::Ok, text),
                Some(Err(text)) => (CheckState::Failed, text),
                None => (CheckState::Skipped, format!("needs --{}", check.name)),
            };
            checks.add(check.name, state, text);
        }
        checks.add("signature", CheckState::Skipped, "only the auth service can tell");
        Self { kind: "JWT", header: jwt.header(), claims: jwt.claims(), checks }
    }

    fn text(&self, now: DateTime<Utc>) -> String {
        let (kind, checks) = (self.kind, self.checks.table());
        if self.header.is_empty() {
            return format!("{kind}\n\n{checks}");
        }
        let header = self.header.iter().map(|(name, value)| vec!["header".to_owned(), name.clone(), shown(value)]);
        let claims = self.claims.iter().map(|(name, value)| {
            let time = value.as_i64().filter(|_| TIMES.contains(&name.as_str()));
            let time = time.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
            vec!["claim".to_owned(), name.clone(), time.map_or_else(|| shown(value), |time| shown_time(time, now))]
        });
        let rows: Vec<_> = header.chain(claims).collect();
        format!("{kind}\n\n{}\n\n{checks}", table(&rows))
    }
}

/// Returns a value without control characters, which JSON escapes.
fn shown(value: &Value) -> String {
    match value.as_str() {
        Some(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => value.to_string(),
    }
}

/// Returns a time, and its distance from now.
fn shown_time(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (time - now).num_seconds();
    let distance = humantime::format_duration(TimeDelta::seconds(seconds.abs()).to_std().unwrap_or_default());
    let time = time.to_rfc3339_opts(SecondsFormat::Secs, true);
    if seconds < 0 { format!("{time} ({distance} ago)") } else { format!("{time} (in {distance})") }
}

#[cfg(test)]
mod tests {
    use testkit::start;

    use super::*;

    #[test]
    fn times_have_their_distance() {
        assert_eq!(shown_time(start() - TimeDelta::seconds(61), start()), "2025-12-31T23:58:59Z (1m 1s ago)");
        assert!(shown_time(start() + TimeDelta::hours(1), start()).ends_with(" (in 1h)"));
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(shown(&Value::from("a\u{1b}[2J")), r#""a\u001b[2J""#);
        assert_eq!(shown(&Value::from("ä")), "ä");
    }
}
