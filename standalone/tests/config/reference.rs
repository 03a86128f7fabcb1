//! The page of settings contains the tables that `gatepost reference` prints.

use std::fs;
use std::path::Path;

use super::pair::{gatepost, tool};

/// Returns the page with the generated parts of `printed`.
fn renewed(page: &str, printed: &str) -> String {
    let parts = printed.split("<!-- generated: ").skip(1);
    parts.fold(page.to_owned(), |page, part| {
        let name = part.split(" -->").next().unwrap();
        let (begin, end) = (format!("<!-- generated: {name} -->"), format!("<!-- end: {name} -->"));
        let text = part.split(&end).next().unwrap();
        let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("the page has no mark {begin}"));
        let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("the page has no mark {end}"));
        format!("{before}<!-- generated: {text}{end}{after}")
    })
}

#[test]
fn page_of_settings_matches_the_help() {
    let output = gatepost().arg("reference").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let wanted = renewed(&page, &printed);
    for name in ["GATEPOST_DATA_DIR", "AUTH_MAX_CALLS", "BLOG_AUTH_URL", "JWT_SECRET_KEY"] {
        assert!(wanted.contains(&format!("| `{name}` |")), "{name} is in no table");
    }
    if tool("GATEPOST_UPDATE", "") == "1" {
        fs::write(&path, wanted).unwrap();
        return;
    }
    assert!(page == wanted, "docs/operations/configuration.md is stale: run this test with GATEPOST_UPDATE=1");
}

/// A key of a file is the name of the flag.
#[test]
fn flag_and_variable_have_one_name() {
    let output = gatepost().arg("reference").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut count = 0;
    for line in printed.lines().filter(|line| line.contains("` | `--")) {
        let cells: Vec<_> = line.split('`').collect();
        let (_, rest) = cells[1].split_once('_').unwrap();
        assert_eq!(cells[3].trim_start_matches("--").replace('-', "_").to_uppercase(), rest, "{line}");
        count += 1;
    }
    assert!(count > 70, "{printed}");
}
