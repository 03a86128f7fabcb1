//! `bench rivals`: builds and starts the rivals, and gives them their work in turns.

use std::fs;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;

use super::figures::{RIVALS_SCHEMA, RivalFigures, RivalNotRun, RivalsReport};
use super::measure::RivalUnderLoad;
use super::work::RivalCall;
use super::{Rival, RivalSettings, RivalsOptions, build, plot, servers, table};
use crate::machine::MachineFacts;
use crate::output::ReportOutput;
use crate::{Failure, page, services};

/// Measures Gatepost and the rivals, and prints the table. `command` repeats the run.
///
/// # Errors
/// Fails if Gatepost does not start, if no rival can be measured, or if a measured one breaks.
pub async fn run_rivals(options: RivalsOptions, command: &str) -> Result<(), Failure> {
    let machine = MachineFacts::read(command);
    let output = ReportOutput::new(options.json.as_deref());
    output.show(&format!("{machine}\n"));
    let gatepost = options.program.clone().map_or_else(services::build, Ok)?;
    let folder = tempfile::tempdir()?;
    let settings = options.settings;
    let (mut rivals, not_run) = start(&options.names, &gatepost, folder.path(), &settings).await?;
    measure(&mut rivals, &settings).await?;
    eprintln!("logging out; a rival that never refuses takes {} s", settings.wait_seconds);
    // Side by side, because some never refuse a token.
    join_all(rivals.iter_mut().map(|rival| rival.end_sessions(&settings))).await;
    let mut figures = Vec::<RivalFigures>::new();
    for rival in rivals {
        figures.push(rival.stop().await?);
    }
    let report = RivalsReport { schema: RIVALS_SCHEMA, machine, settings, rivals: figures, not_run };
    let table = table::table(&report);
    output.show(&table);
    output.write(&report)?;
    if let Some(file) = &options.plot {
        fs::write(file, plot::draw(&report))?;
    }
    if options.write {
        page::write("rivals.md", "rivals", &format!("{}\n\n{table}", report.machine))?;
        let short = table::short_table(&report);
        page::write("../README.md", "rivals", &format!("{}\n\n{short}", report.machine))?;
    }
    Ok(())
}

/// Builds and starts Gatepost and the rivals. A rival that cannot be built or started is not measured.
async fn start(
    names: &[Rival],
    gatepost: &Path,
    folder: &Path,
    settings: &RivalSettings,
) -> Result<(Vec<RivalUnderLoad>, Vec<RivalNotRun>), Failure> {
    let (mut rivals, mut not_run) = (Vec::new(), Vec::new());
    let is_chosen = |rival: &Rival| names.is_empty() || *rival == Rival::Gatepost || names.contains(rival);
    for rival in Rival::ALL.into_iter().filter(is_chosen) {
        eprintln!("starting {rival}");
        match start_one(rival, gatepost, folder, settings).await {
            Ok(started) => rivals.push(started),
            Err(failure) if rival == Rival::Gatepost => return Err(failure),
            Err(failure) => {
                eprintln!("{rival}: not run: {failure}");
                not_run.push(RivalNotRun { rival: rival.to_string(), reason: failure.to_string() });
            }
        }
    }
    if rivals.len() == 1 && !not_run.is_empty() {
        return Err("no rival could be started; the reasons are above".into());
    }
    Ok((rivals, not_run))
}

async fn start_one(
    rival: Rival,
    gatepost: &Path,
    folder: &Path,
    settings: &RivalSettings,
) -> Result<RivalUnderLoad, Failure> {
    let programs =
        servers::folders(rival).iter().map(|name| build::build(name)).collect::<Result<Vec<PathBuf>, _>>()?;
    let version = match programs.first() {
        Some(programs) => build::version(programs)?,
        None => env!("CARGO_PKG_VERSION").to_owned(),
    };
    let server = servers::server(rival, &programs, gatepost);
    RivalUnderLoad::start(rival, version, server.as_ref(), &folder.join(rival.name()), settings).await
}

/// Measures all rounds. The rivals alternate within each kind of call, and their order is reversed after each turn.
async fn measure(rivals: &mut [RivalUnderLoad], settings: &RivalSettings) -> Result<(), Failure> {
    turn(rivals, 0, settings).await?;
    rivals.iter_mut().for_each(RivalUnderLoad::forget_round);
    for round in 0..settings.rounds {
        for number in 0..settings.turns {
            turn(rivals, round * settings.turns + number, settings).await?;
        }
        rivals.iter_mut().for_each(RivalUnderLoad::end_round);
        eprintln!("round {} of {}", round + 1, settings.rounds);
    }
    Ok(())
}

/// Makes one turn of each kind of call.
async fn turn(rivals: &mut [RivalUnderLoad], number: usize, settings: &RivalSettings) -> Result<(), Failure> {
    for call in RivalCall::ALL {
        for place in 0..rivals.len() {
            let place = if number.is_multiple_of(2) { place } else { rivals.len() - 1 - place };
            rivals[place].turn(call, settings).await?;
        }
    }
    Ok(())
}
