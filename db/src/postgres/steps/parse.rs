//! Parses the steps of a migration. Each step begins with a line `-- step`, which also names the step's form.

/// One step of a migration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MigrationStep<'s> {
    pub(super) form: StepForm<'s>,
    pub(super) sql: &'s str,
}

/// Form of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepForm<'s> {
    /// `-- step`: its statements are one transaction.
    Once,
    /// `-- step: batches`: its one statement is repeated, each time in a transaction of its own. `$1` is the last
    /// returned key, as text; `''` at first. The statement returns one row with the next last key, or no row at the
    /// end.
    Batches,
    /// `-- step: concurrently`: its one statement creates an index outside of transactions.
    Concurrently { index: &'s str },
}

const MARK: &str = "-- step";

/// Returns the steps of this text; empty without a mark.
pub(super) fn steps(text: &str) -> Result<Vec<MigrationStep<'_>>, String> {
    let mut steps = Vec::new();
    let mut marks: Vec<_> = text.match_indices(MARK).map(|(at, _)| at).filter(|at| begins_line(text, *at)).collect();
    marks.push(text.len());
    for pair in marks.windows(2) {
        let part = &text[pair[0]..pair[1]];
        let (mark, sql) = part.split_once('\n').unwrap_or((part, ""));
        let sql = sql.trim().trim_end_matches(';');
        let form = match mark[MARK.len()..].trim() {
            "" => StepForm::Once,
            ": batches" => StepForm::Batches,
            ": concurrently" => StepForm::Concurrently { index: index(sql)? },
            other => return Err(format!("`{MARK}{other}` is not a form of a step")),
        };
        steps.push(MigrationStep { form, sql });
    }
    Ok(steps)
}

fn begins_line(text: &str, at: usize) -> bool {
    at == 0 || text[..at].ends_with('\n')
}

/// Returns the index's name. The statement is repeatable: it does nothing if the index exists.
fn index(sql: &str) -> Result<&str, String> {
    const WANTED: &str = "write `create index concurrently if not exists NAME on …`";
    let mut lines = sql.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("--"));
    let statement = lines.next().unwrap_or_default();
    let words: Vec<_> = statement.split_whitespace().filter(|word| *word != "unique").collect();
    match words[..] {
        ["create", "index", "concurrently", "if", "not", "exists", name, "on", ..] => Ok(name),
        _ => Err(WANTED.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_form_is_parsed() {
        let text = "-- A comment.\n-- step\nalter table a add b text;\ncreate table c (d text);\n\n\
                    -- step: batches\nupdate a set b = 'x' where id > $1;\n-- step: concurrently\n-- Why.\n\
                    create unique index concurrently if not exists a_by_b on a (b);\n";
        let read = steps(text).unwrap();
        assert_eq!(read.len(), 3);
        assert_eq!(
            read[0],
            MigrationStep { form: StepForm::Once, sql: "alter table a add b text;\ncreate table c (d text)" }
        );
        assert_eq!(read[1], MigrationStep { form: StepForm::Batches, sql: "update a set b = 'x' where id > $1" });
        assert_eq!(read[2].form, StepForm::Concurrently { index: "a_by_b" });
        assert_eq!(steps("-- A comment, no -- step\ncreate table c (d text);").unwrap(), []);
    }

    #[test]
    fn unrepeatable_step_is_refused() {
        for text in ["-- step: often\n", "-- stepwise\n", "-- step: concurrently\ncreate index a on b (c);"] {
            assert!(steps(text).is_err(), "{text}");
        }
    }
}
