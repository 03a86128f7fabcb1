//! Small pools of values for random calls: texts that databases treat differently, networks, and durations. The pools
//! are small, so that different calls use the same rows.

use auth_service::domain::{Allowance, UserState};
use auth_service::store::{AccountDigest, AllowanceKind};
use chrono::TimeDelta;

/// Emails, some of them with the same canonical form.
pub(crate) const EMAILS: [&str; 16] = [
    "ada@example.com",
    "Ada@Example.COM",
    "\u{c4}da@example.com",
    "a\u{308}DA@example.com",
    "o'brien@example.com",
    "O'Brien@example.com",
    "100%@example.com",
    "under_score@example.com",
    "underXscore@example.com",
    "stra\u{df}e@example.com",
    "STRASSE@example.com",
    "user@b\u{fc}cher.example",
    "user@xn--bcher-kva.example",
    "\u{1f980}@example.com",
    "\u{1d4d0}da@example.com",
    "$1{x}`?@example.com",
];

pub(crate) const NAMES: [&str; 16] = [
    "Ada",
    "ada",
    "O'Brien",
    "\"quoted\"",
    "100%",
    "under_score",
    "back\\slash",
    "\u{1f980}\u{200d}\u{1f4bb}",
    "\u{1d4d0}\u{1d4ed}\u{1d4ea}",
    "\u{e9}t\u{e9}",
    "e\u{301}te\u{301}",
    " padded ",
    "NULL",
    "$1 ?1 :name @name",
    "'; drop table users; --",
    "\u{10348}\u{10348}\u{10348}\u{10348}\u{10348}\u{10348}\u{10348}\u{10348}\u{10348}\u{10348}\u{10348}\u{10348}",
];

pub(crate) const HASHES: [&str; 4] = ["$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", "$1", "h'a\\sh", "HASH"];

pub(crate) const ROLES: [&[&str]; 8] = [
    &[],
    &[],
    &["admin"],
    &["editor"],
    &["editor", "admin"],
    &["admin", "editor"],
    &["a-b", "a_b", "a.b", "ab"],
    &["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "admin", "editor", "a_b", "a-b", "x", "y"],
];

/// Roles to search by; no user has the last one.
pub(crate) const WANTED_ROLES: [&str; 6] = ["admin", "editor", "a_b", "a-b", "r9", "nobody"];

pub(crate) const STATES: [UserState; 2] = [UserState::Active, UserState::Disabled];

/// Addresses of logins: the second and third are of one network.
pub(crate) const PEERS: [&str; 8] = [
    "192.0.2.1",
    "2001:db8::1",
    "2001:db8::ffff:2",
    "2001:db8:0:1::1",
    "192.0.2.2",
    "192.0.2.3",
    "",
    "unix:/run/\u{1f980} 'x'",
];

pub(crate) const USER_AGENTS: [&str; 4] = ["", "curl/8", "grpc-rust 'x' \\ %_", "\u{1f980}"];

/// Kinds and networks of allowances. There are at most sixteen rows, because one call deletes only sixteen. With more
/// rows, it would not be specified which of them are deleted.
pub(crate) const KINDS: [AllowanceKind; 2] = [AllowanceKind::Failure, AllowanceKind::SignUp];

pub(crate) const ALLOWANCES: [Allowance; 4] = [
    Allowance { burst: 1, per_minute: 20 },
    Allowance { burst: 3, per_minute: 1 },
    Allowance { burst: 50, per_minute: 7 },
    Allowance { burst: 0, per_minute: 60 },
];

/// Number of accounts: at most as many as one call can delete.
pub(crate) const ACCOUNTS: u8 = 16;

pub(crate) fn account(number: u8) -> AccountDigest {
    [number % ACCOUNTS; 32]
}

/// Lifetimes of sessions.
pub(crate) const LIVES: [TimeDelta; 5] =
    [TimeDelta::seconds(1), TimeDelta::seconds(90), TimeDelta::hours(1), TimeDelta::hours(24), TimeDelta::days(30)];

pub(crate) const LIMITS: [u32; 6] = [0, 1, 2, 3, 50, u32::MAX];

/// Callers of requests.
pub(crate) const CALLERS: [&str; 2] = ["", "01900000-0000-7000-8000-00000000000a"];

/// Number of request ids.
pub(crate) const REQUESTS: u8 = 6;

pub(crate) const SAID: [&str; 2] = ["this", "that"];
