//! Detection of scans in the plans of both engines.

use super::source::Statement;

/// Returns the report of a statement that scans.
pub(super) fn report(statement: &Statement, scan: &str) -> String {
    format!("{}: {scan}\n    {}", statement.place, statement.sql)
}

/// Returns the step of a SQLite plan that scans a table or a whole index, if any. Such a step is a `SCAN`, not a
/// `SEARCH` (sqlite.org/eqp.html).
///
/// A scan of a subquery's result is allowed: the subquery's own steps determine its cost.
pub(super) fn sqlite_scan(steps: &[String]) -> Option<&String> {
    let is_of_a_subquery = |name: &str| {
        steps
            .iter()
            .any(|step| ["CO-ROUTINE ", "MATERIALIZE "].iter().any(|made| step.strip_prefix(made) == Some(name)))
    };
    steps.iter().find(|step| {
        let Some(of) = step.strip_prefix("SCAN ") else { return false };
        of != "CONSTANT ROW" && !is_of_a_subquery(of)
    })
}

/// Returns the step of a PostgreSQL plan that scans a table or a whole index, if any. Each step and each condition is
/// one line of the plan.
pub(super) fn postgres_scan(lines: &[String]) -> Option<&String> {
    let step = |line: &str| line.trim_start().trim_start_matches("->").trim_start().to_owned();
    lines.iter().enumerate().find_map(|(number, line)| {
        let step = step(line);
        if step.starts_with("Seq Scan") || step.starts_with("Parallel Seq Scan") {
            return Some(line);
        }
        let by_index = ["Index Scan", "Index Only Scan", "Bitmap Index Scan"].iter().any(|scan| step.starts_with(scan));
        // An index scan without a condition reads the whole index.
        let next = lines.get(number + 1).map_or("", |line| line.trim_start());
        (by_index && !next.starts_with("Index Cond:")).then_some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn sqlite_scan_differs_from_search() {
        for (plan, scan) in [
            ("SEARCH users USING INDEX a (id=?)", None),
            ("SCAN CONSTANT ROW", None),
            ("CO-ROUTINE oldest|SEARCH sessions USING INDEX a (user_id=?)|SCAN oldest", None),
            ("CO-ROUTINE oldest|SCAN sessions|SCAN oldest", Some("SCAN sessions")),
            ("SCAN u USING COVERING INDEX a", Some("SCAN u USING COVERING INDEX a")),
        ] {
            assert_eq!(sqlite_scan(&lines(plan)).map(String::as_str), scan, "{plan}");
        }
    }

    #[test]
    fn postgres_scan_differs_from_search() {
        for (plan, scan) in [
            ("Index Scan using a on users|  Index Cond: (id = $1)", None),
            ("Limit|  ->  Index Scan Backward using a on users|        Index Cond: (id < $1)", None),
            (
                "Limit|  ->  Index Scan using a on users|        Filter: (name = $1)",
                Some("  ->  Index Scan using a on users"),
            ),
            ("Delete on users|  ->  Seq Scan on users", Some("  ->  Seq Scan on users")),
            ("Index Only Scan using a on users", Some("Index Only Scan using a on users")),
        ] {
            assert_eq!(postgres_scan(&lines(plan)).map(String::as_str), scan, "{plan}");
        }
    }
}
