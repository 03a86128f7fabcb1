//! What a walk is, in the words of either engine's plan.

use super::source::Statement;

/// The report of a statement whose plan walks.
pub(super) fn report(statement: &Statement, walk: &str) -> String {
    format!("{}: {walk}\n    {}", statement.place, statement.sql)
}

/// The step of a SQLite plan that walks through a table or a whole index, if there is one
/// (sqlite.org/eqp.html: `SCAN` is a walk, `SEARCH` is none).
///
/// What a subquery has found may be walked through: that is as small as the subquery's own steps.
pub(super) fn walk_of_sqlite(steps: &[String]) -> Option<&String> {
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

/// The step of a PostgreSQL plan, one line a step and one a condition, that walks through a table or a whole index.
pub(super) fn walk_of_postgres(lines: &[String]) -> Option<&String> {
    let step = |line: &str| line.trim_start().trim_start_matches("->").trim_start().to_owned();
    lines.iter().enumerate().find_map(|(number, line)| {
        let step = step(line);
        if step.starts_with("Seq Scan") || step.starts_with("Parallel Seq Scan") {
            return Some(line);
        }
        let by_index = ["Index Scan", "Index Only Scan", "Bitmap Index Scan"].iter().any(|scan| step.starts_with(scan));
        // Without a condition on it, an index is walked through from end to end.
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
    fn a_walk_of_sqlite_is_told_from_a_search() {
        for (plan, walk) in [
            ("SEARCH users USING INDEX a (id=?)", None),
            ("SCAN CONSTANT ROW", None),
            ("CO-ROUTINE oldest|SEARCH sessions USING INDEX a (user_id=?)|SCAN oldest", None),
            ("CO-ROUTINE oldest|SCAN sessions|SCAN oldest", Some("SCAN sessions")),
            ("SCAN u USING COVERING INDEX a", Some("SCAN u USING COVERING INDEX a")),
        ] {
            assert_eq!(walk_of_sqlite(&lines(plan)).map(String::as_str), walk, "{plan}");
        }
    }

    #[test]
    fn a_walk_of_postgres_is_told_from_a_search() {
        for (plan, walk) in [
            ("Index Scan using a on users|  Index Cond: (id = $1)", None),
            ("Limit|  ->  Index Scan Backward using a on users|        Index Cond: (id < $1)", None),
            (
                "Limit|  ->  Index Scan using a on users|        Filter: (name = $1)",
                Some("  ->  Index Scan using a on users"),
            ),
            ("Delete on users|  ->  Seq Scan on users", Some("  ->  Seq Scan on users")),
            ("Index Only Scan using a on users", Some("Index Only Scan using a on users")),
        ] {
            assert_eq!(walk_of_postgres(&lines(plan)).map(String::as_str), walk, "{plan}");
        }
    }
}
