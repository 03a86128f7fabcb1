//! Names of test databases. They contain the time of creation, so that later runs can remove old ones.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Prefix of the names of test databases.
const NAME_PREFIX: &str = "gatepost_test_";

/// Age after which a test database is unused.
const MAX_DATABASE_AGE: Duration = Duration::from_hours(1);

/// Returns the seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the age of a database needs the machine's time")]
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}

/// Returns a unique name: `gatepost_test_<seconds since 1970>_<process>_<number>`.
pub(super) fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{NAME_PREFIX}{}_{}_{}", now(), process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Returns true if this is the name of a test database that was created more than an hour before `now`.
pub(super) fn is_left(name: &str, now: u64) -> bool {
    let numbers = |rest: &str| rest.split('_').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>();
    let made = name.strip_prefix(NAME_PREFIX).and_then(numbers).filter(|numbers| numbers.len() == 3);
    made.is_some_and(|numbers| numbers[0] + MAX_DATABASE_AGE.as_secs() < now)
}

/// Returns the URL with another database name.
pub(super) fn with_database(url: &str, name: &str) -> String {
    let start = url.find("://").map_or(0, |scheme| scheme + "://".len());
    let host_ends = url[start..].find(['/', '?']).map_or(url.len(), |length| start + length);
    let (server, rest) = url.split_at(host_ends);
    let parameters = rest.find('?').map_or("", |query| &rest[query + 1..]);
    // A `dbname` parameter would override the name in the path.
    let kept: Vec<_> = parameters.split('&').filter(|one| !one.is_empty() && !one.starts_with("dbname=")).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{server}/{name}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_test_databases_are_left() {
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
    fn url_keeps_all_but_its_database() {
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
