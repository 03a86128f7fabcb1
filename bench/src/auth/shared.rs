//! The account of all callers, and the lines of the table.

pub(super) const USER_EMAIL: &str = "ada@example.com";
pub(super) const USER_PASSWORD: &str = "correct horse battery staple";

#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub(super) fn row(name: &str, measured: &str, target: &str) {
    println!("{name:<59} {measured:<11} {target}");
}

pub(super) fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}
