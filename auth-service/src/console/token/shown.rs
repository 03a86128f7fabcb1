//! Token as `token inspect` prints it: header, claims and checks.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use gatepost::Token;
use gatepost::api::auth::v1::{TokenState, VerifyTokenResponse};
use kit::cli::{CheckList, CheckState, OutputFormat, json, shown_text, table};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::tokens::{Expectations, Presented, UnverifiedJwt};

/// Claims that are times in seconds since 1970.
const TIMES: [&str; 3] = ["iat", "nbf", "exp"];

/// Token as programs read it.
#[derive(Debug, Serialize)]
pub(super) struct ShownToken {
    kind: &'static str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    header: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    claims: Map<String, Value>,
    pub(super) checks: CheckList,
}

impl ShownToken {
    /// Inspects a text without the service.
    pub(super) fn inspect(text: &str, expected: &Expectations, now: DateTime<Utc>) -> Self {
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
            Presented::ApiKey => Self::other("API key", CheckState::Ok, "form and checksum of an API key"),
            Presented::BrokenApiKey => {
                Self::other("broken API key", CheckState::Failed, "the checksum is wrong: the text was cut or changed")
            }
            Presented::Opaque => {
                Self::other("opaque token", CheckState::Skipped, "the text has no structure, like a service key")
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
        Self { kind: "JWT", header: jwt.header(), claims: jwt.claims(), checks }
    }

    /// Adds the answer of the auth service; `None` if it was not asked. `audience` is the guard's.
    pub(super) fn add_answer(&mut self, answer: Option<&VerifyTokenResponse>, audience: Option<&str>) {
        // A JWT names its audiences itself.
        let claims = answer.and_then(|answer| answer.claims.as_ref()).filter(|_| self.claims.is_empty());
        match claims.zip(audience) {
            Some((claims, audience)) if claims.audiences.iter().any(|own| own == audience) => {
                self.checks.add("audience", CheckState::Ok, audience);
            }
            Some((claims, audience)) => {
                let text = format!("the token is for {}, not for {audience:?}", claims.audiences.join(", "));
                self.checks.add("audience", CheckState::Failed, text);
            }
            None => {}
        }
        let (state, text) = match answer.map(VerifyTokenResponse::state) {
            None => (CheckState::Skipped, "signature, revocation and user: name the service by --auth-url".to_owned()),
            Some(TokenState::Active) => (CheckState::Ok, "accepts the token".to_owned()),
            Some(state) => (CheckState::Failed, refusal(state).to_owned()),
        };
        self.checks.add("auth service", state, text);
    }

    /// Returns the text for this form of output.
    pub(super) fn text(&self, format: OutputFormat, now: DateTime<Utc>) -> String {
        match format {
            OutputFormat::Json => json(self),
            OutputFormat::Table => self.table(now),
        }
    }

    fn table(&self, now: DateTime<Utc>) -> String {
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

/// Returns the reason of a refusal.
fn refusal(state: TokenState) -> &'static str {
    match state {
        TokenState::Unspecified | TokenState::Active | TokenState::Invalid => {
            "refuses the token: it is not signed by this service, or is for another one"
        }
        TokenState::Expired => "the token has expired: get a new one",
        TokenState::Revoked => "the token was revoked: its session has ended, or its user or key was revoked",
        TokenState::UserDeleted => "the user of the token was deleted",
        TokenState::UserDisabled => "the user of the token is disabled",
    }
}

/// Returns a value without control characters.
fn shown(value: &Value) -> String {
    shown_text(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
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
        assert_eq!(shown(&Value::from("a\u{1b}[2J")), r"a\u{1b}[2J");
        assert_eq!(shown(&Value::from("ä")), "ä");
    }
}
