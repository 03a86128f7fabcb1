//! The page `docs/asvs.md`: each listed requirement of ASVS 5.0.0 has one row, and each row names what exists.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::{Row, Test, all_tests, cells, faults, named, root, shown};

/// The page with the rows.
const PAGE: &str = "docs/asvs.md";

/// The ids of the requirements in the order of the standard, each with its level.
const LIST: &str = include_str!("asvs-5.0.0.txt");

/// The beginning of the third cell for requirements that do not apply.
const FOREIGN: &str = "Does not apply: ";

/// The last cell of such a row.
const NO_TEST: &str = "\u{2013}";

/// Lists the ids of the requirements.
fn listed() -> Vec<&'static str> {
    let lines = LIST.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap_or_else(|| panic!("{line}: an id and a level")).0).collect()
}

/// Reads the rows of the page: the lines of a table that begin with a digit.
fn rows() -> Vec<Row> {
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    let all = page.lines().filter_map(cells).filter(|cells| cells[0].starts_with(|char: char| char.is_ascii_digit()));
    all.map(|cells| Row { page: PAGE, code: cells[0].clone(), cells }).collect()
}

/// Lists the requirements of a row: its first cell has ids, and ranges such as `3.3.1 to 3.3.4`.
///
/// # Errors
/// Fails with the id that is not listed.
fn requirements<'a>(cell: &str, listed: &[&'a str]) -> Result<Vec<&'a str>, String> {
    let place = |id: &str| listed.iter().position(|known| *known == id).ok_or_else(|| format!("{id} is not listed"));
    let mut found = Vec::new();
    for part in cell.split(", ") {
        let (first, last) = part.split_once(" to ").unwrap_or((part, part));
        let range = place(first)?..=place(last)?;
        found.extend_from_slice(listed.get(range).unwrap_or_default());
    }
    Ok(found)
}

/// Lists the files that a cell names: targets of links, relative to the page, and scripts.
fn places(cell: &str) -> Vec<PathBuf> {
    let links = cell.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let spans = cell.split('`').skip(1).step_by(2).filter(|span| span.starts_with("scripts/"));
    let scripts = spans.filter_map(|span| span.split(' ').next());
    let links = links.map(|link| root().join("docs").join(link));
    links.chain(scripts.map(|script| root().join(script))).collect()
}

/// Returns the faults of a row. A row without a test must name a document or a script, or say that a test is missing.
fn row_faults(row: &Row, tests: &[Test]) -> Vec<String> {
    let Row { code, cells, .. } = row;
    if cells.len() != 4 || cells.iter().any(|cell| cell.trim().is_empty()) {
        return faults(row, tests);
    }
    let (is_foreign, last) = (cells[2].starts_with(FOREIGN), cells[3].trim());
    if is_foreign != (last == NO_TEST) {
        return vec![format!("{PAGE}, row {code}: only a row with \"{FOREIGN}\" ends with \"{NO_TEST}\"")];
    }
    if is_foreign {
        return Vec::new();
    }
    let places = places(last);
    let missing = places.iter().filter(|place| !place.exists());
    let mut found: Vec<_> = missing.map(|place| format!("{PAGE}, row {code}: no file {}", shown(place))).collect();
    if places.is_empty() || !named(last).is_empty() {
        found.extend(faults(row, tests));
    }
    found
}

#[test]
fn each_requirement_has_one_row() {
    let listed = listed();
    let mut counts: BTreeMap<&str, usize> = listed.iter().map(|id| (*id, 0)).collect();
    let mut faults = Vec::new();
    for row in rows() {
        match requirements(&row.code, &listed) {
            Ok(ids) => {
                for id in ids {
                    *counts.entry(id).or_default() += 1;
                }
            }
            Err(fault) => faults.push(fault),
        }
    }
    let wrong = counts.iter().filter(|(_, count)| **count != 1);
    faults.extend(wrong.map(|(id, count)| format!("{id} has {count} rows")));
    assert!(listed.len() > 250, "{} requirements", listed.len());
    assert!(faults.is_empty(), "{PAGE}:\n{}", faults.join("\n"));
}

#[test]
fn each_row_names_what_exists_or_says_not_yet() {
    let tests = all_tests();
    let faults: Vec<_> = rows().iter().flat_map(|row| row_faults(row, &tests)).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn faulty_requirement_is_reported() {
    let tests = all_tests();
    let told = |how: &str, last: &str| {
        let cells = ["6.2.1", "a demand", how, last].map(str::to_owned).to_vec();
        row_faults(&Row { page: PAGE, code: cells[0].clone(), cells }, &tests).join("\n")
    };
    assert_eq!(told("a way", "`asvs::faulty_requirement_is_reported`, `scripts/sbom --check`"), "");
    assert_eq!(told("a way", "[a document](security.md#passwords-and-login)"), "");
    assert_eq!(told("a way", "**not yet**"), "");
    assert_eq!(told("Does not apply: a reason", NO_TEST), "");
    assert!(told("a way", NO_TEST).contains("only a row with"));
    assert!(told("Does not apply: a reason", "**not yet**").contains("only a row with"));
    assert!(told("a way", "nothing").contains("names no test"));
    assert!(told("a way", "").contains("must have four cells"));
    assert!(told("a way", "`asvs::root`, [a document](security.md)").contains("no test `asvs::root`"));
    assert_eq!(told("a way", "[a document](absent.md)"), "docs/asvs.md, row 6.2.1: no file docs/absent.md");
    assert_eq!(told("a way", "`scripts/absent NAME`"), "docs/asvs.md, row 6.2.1: no file scripts/absent");
}

#[test]
fn ranges_stand_for_all_listed_between() {
    let listed = ["1.1.1", "1.1.2", "1.2.1", "1.10.1"];
    assert_eq!(requirements("1.1.2 to 1.10.1", &listed), Ok(vec!["1.1.2", "1.2.1", "1.10.1"]));
    assert_eq!(requirements("1.10.1, 1.1.1", &listed), Ok(vec!["1.10.1", "1.1.1"]));
    assert_eq!(requirements("1.1.1 to 1.3.1", &listed), Err("1.3.1 is not listed".to_owned()));
}
