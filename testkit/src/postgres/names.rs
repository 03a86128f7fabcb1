//! The names of the databases that tests make: each says when it was made, so that nobody's leftovers stay for ever.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PREFIX: &str = "gatepost_test_";

/// How old a database is that nobody uses any more.
const LEFT: Duration = Duration::from_hours(1);

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "what killed runs have left is known by the machine's time")]
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}

/// A name that no other database has: `gatepost_test_<seconds since 1970>_<process>_<number>`.
pub(super) fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{PREFIX}{}_{}_{}", now(), process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether this is such a name, and of a database that was made more than an hour before `now`.
pub(super) fn is_left(name: &str, now: u64) -> bool {
    let numbers = |rest: &str| rest.split('_').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>();
    let made = name.strip_prefix(PREFIX).and_then(numbers).filter(|numbers| numbers.len() == 3);
    made.is_some_and(|numbers| numbers[0] + LEFT.as_secs() < now)
}

/// The URL with another database's name in place of its own.
pub(super) fn with_database(url: &str, name: &str) -> String {
    let start = url.find("://").map_or(0, |scheme| scheme + "://".len());
    let host_ends = url[start..].find(['/', '?']).map_or(url.len(), |length| start + length);
    let (server, rest) = url.split_at(host_ends);
    let parameters = rest.find('?').map_or("", |query| &rest[query + 1..]);
    // It would win over the name in the path.
    let kept: Vec<_> = parameters.split('&').filter(|one| !one.is_empty() && !one.starts_with("dbname=")).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{server}/{name}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_databases_of_tests_are_left_ones() {
        let now = 1_800_000_000;
        assert!(is_left("gatepost_test_1799996399_12_0", now));
        for other in [
            "gatepost_test_1799996400_12_0",
            "gatepost_test_1799996399_12",
            "gatepost_test_1799996399_12_0_1",
            "gatepost_test_1799996399_12_x",
            "gatepost_test_",
            "gatepost",
            "postgres",
        ] {
            assert!(!is_left(other, now), "{other}");
        }
        assert!(!is_left(&unique(), super::now()));
    }

    #[test]
    fn a_url_keeps_all_but_its_database() {
        for (url, expected) in [
            ("postgres://u:p@h:5/a", "postgres://u:p@h:5/n"),
            ("postgres://h", "postgres://h/n"),
            ("postgres://h?sslmode=disable", "postgres://h/n?sslmode=disable"),
            ("postgres://h/a?host=/s&dbname=b&x=1", "postgres://h/n?host=/s&x=1"),
            ("postgres://h/?dbname=b", "postgres://h/n"),
        ] {
            assert_eq!(with_database(url, "n"), expected);
        }
    }
}
