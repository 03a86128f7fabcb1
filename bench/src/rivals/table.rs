//! The result as a table: medians of the rounds.

use super::figures::{RefusalFigures, RivalFigures, RivalsReport};
use super::work::RivalCall;
use crate::load::MAX_LOGINS;

/// Mark of a function that the rival does not have.
const ABSENT: &str = "-";

/// Returns the table.
pub(super) fn table(report: &RivalsReport) -> String {
    let settings = &report.settings;
    let mut lines = vec![
        format!(
            "{} callers, {MAX_LOGINS} of them log in; {} rounds of {} turns of {} ms; {} posts of a kilobyte, {} users",
            settings.callers, settings.rounds, settings.turns, settings.turn_ms, settings.posts, settings.users
        ),
        String::new(),
        row([
            "rival",
            "read/s",
            "guarded",
            "verify/s",
            "login/s",
            "refresh/s",
            "MiB idle",
            "MiB load",
            "start s",
            "refused s",
            "password hash",
        ]),
        row(["", "", "/ public", "", "", "", "", "", "", "", ""]),
    ];
    lines.extend(report.rivals.iter().map(cells));
    lines.push(String::new());
    lines.extend(report.rivals.iter().map(|one| format!("{}: {}", one.rival, one.version)));
    for one in &report.rivals {
        for (call, figures) in &one.calls {
            let failed: u64 = figures.rounds.iter().map(|round| round.failed).sum();
            if let Some(failure) = &figures.first_failure {
                lines.push(format!("{} {call:?}: {failed} calls failed, the first with {failure}", one.rival));
            }
        }
    }
    let failures = report.rivals.iter().filter_map(|one| Some((&one.rival, one.session_failure.as_ref()?)));
    lines.extend(failures.map(|(rival, failure)| format!("{rival}: a session could not be ended: {failure}")));
    lines.extend(report.not_run.iter().map(|one| format!("{}: not run: {}", one.rival, one.reason)));
    lines.join("\n")
}

/// Returns the table of the README: fewer columns, and no versions.
pub(super) fn short_table(report: &RivalsReport) -> String {
    let line = |[name, read, verify, login, memory, refused]: [&str; 6]| {
        format!("{name:<16}{read:>15}{verify:>10}{login:>10}{memory:>10}{refused:>20}")
    };
    let heads = ["rival", "guarded read/s", "verify/s", "login/s", "MiB load", "logout works in s"];
    let mut lines = vec![line(heads)];
    lines.extend(report.rivals.iter().map(|one| {
        let rate = |call| one.rate(call).map_or_else(|| ABSENT.to_owned(), whole);
        line([
            &one.rival,
            &rate(RivalCall::Read),
            &rate(RivalCall::Verify),
            &rate(RivalCall::Login),
            &format!("{:.0}", one.memory_load_mib),
            &refused(one),
        ])
    }));
    lines.extend(report.not_run.iter().map(|one| format!("{}: not run", one.rival)));
    lines.join("\n")
}

/// Returns the seconds until a refusal.
pub(super) fn refused(figures: &RivalFigures) -> String {
    match figures.refused {
        None => ABSENT.to_owned(),
        Some(RefusalFigures::After(spread)) => format!("{:.2}", spread.max),
        Some(RefusalFigures::NotWithin(seconds)) => format!("> {seconds}"),
    }
}

/// Returns the row of a rival.
fn cells(figures: &RivalFigures) -> String {
    let rate = |call| figures.rate(call).map_or_else(|| ABSENT.to_owned(), whole);
    let ratio = figures.guarded_ratio.map_or_else(|| ABSENT.to_owned(), |spread| format!("{:.2}", spread.median));
    row([
        &figures.rival,
        &rate(RivalCall::Read),
        &ratio,
        &rate(RivalCall::Verify),
        &rate(RivalCall::Login),
        &rate(RivalCall::Refresh),
        &format!("{:.0}", figures.memory_idle_mib),
        &format!("{:.0}", figures.memory_load_mib),
        &format!("{:.2}", figures.start_s.median),
        &refused(figures),
        figures.hash.unwrap_or(ABSENT),
    ])
}

/// Formats a rate: whole numbers, and one digit more below a hundred.
pub(super) fn whole(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}

fn row(cells: [&str; 11]) -> String {
    let [name, read, ratio, verify, login, refresh, idle, load, start, refused, hash] = cells;
    format!(
        "{name:<16}{read:>7}{ratio:>9}{verify:>10}{login:>9}{refresh:>10}{idle:>10}{load:>10}{start:>9}{refused:>11}  \
         {hash}"
    )
    .trim_end()
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::figures::RivalNotRun;
    use super::super::figures::tests::reads;
    use super::super::{Rival, RivalsOptions};
    use super::*;
    use crate::load::Spread;
    use crate::machine::MachineFacts;

    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        options: RivalsOptions,
    }

    fn report() -> RivalsReport {
        let Flags { options: RivalsOptions { settings, .. } } = clap::Parser::parse_from(["rivals"]);
        let mut first = reads(Rival::Gatepost, [95.0, 95.0], [100.0, 100.0]);
        first.refused = Some(RefusalFigures::After(Spread { median: 0.01, min: 0.0, max: 0.25 }));
        let mut second = reads(Rival::SpiceDb, [5000.4], [0.0]);
        second.refused = Some(RefusalFigures::NotWithin(70));
        let not_run = vec![RivalNotRun { rival: "flask".into(), reason: "no Python".into() }];
        let machine = MachineFacts::read("bench rivals");
        RivalsReport { schema: 1, machine, settings, rivals: vec![first, second], not_run }
    }

    #[test]
    fn absent_functions_have_a_dash() {
        let table = table(&report());
        let cells = |name: &str| {
            let line = table.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
            line.split_whitespace().collect::<Vec<_>>()
        };
        assert_eq!(cells("gatepost")[1..10], ["95.0", "0.95", "-", "-", "-", "10", "10", "0.20", "0.25"]);
        assert_eq!(cells("spicedb")[1..], ["5000", "-", "-", "-", "-", "10", "10", "0.20", ">", "70", "-"]);
        assert!(table.ends_with("flask: not run: no Python"), "{table}");
    }

    #[test]
    fn short_table_has_losses_and_absences() {
        let table = short_table(&report());
        let lines: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["gatepost", "95.0", "-", "-", "10", "0.25"]);
        assert_eq!(lines[2], ["spicedb", "5000", "-", "-", "10", ">", "70"]);
        assert_eq!(lines[3], ["flask:", "not", "run"]);
    }

    #[test]
    fn json_names_each_field() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["schema"], 1);
        assert_eq!(json["settings"]["callers"], 32);
        let [first, second] = [&json["rivals"][0], &json["rivals"][1]];
        assert_eq!(first["refused"]["after"]["max"], 0.25);
        assert_eq!(second["refused"]["not_within"], 70);
        assert_eq!(first["calls"]["public_read"]["calls_per_second"]["median"], 100.0);
        assert_eq!(first["guarded_ratio"]["median"], 0.95);
        assert!(second["guarded_ratio"].is_null() && second["hash"].is_null());
        assert_eq!(json["not_run"][0]["reason"], "no Python");
    }
}
