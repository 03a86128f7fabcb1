//! `bench load`: the calls in turns, round by round.

use std::fs;
use std::path::Path;

use clap::ValueEnum as _;

use super::figures::{Generator, RoundFigures, SeriesFigures};
use super::outside::{self, OutsideCall, OutsideCount};
use super::own::Launch;
use super::report::{LOAD_SCHEMA, LoadReport, NotRun};
use super::series::{Series, wants_token};
use super::services::ServicesUnderLoad;
use super::{LoadOptions, LoadSample, LoadSettings, MeasuredCall, plot, ratio, table};
use crate::machine::MachineFacts;
use crate::output::ReportOutput;
use crate::{Failure, page, services};

/// A row of the table that is being measured.
struct Contestant {
    series: Series,
    figures: SeriesFigures,
    /// Set if h2load makes the calls.
    outside: Option<OutsideCall>,
    /// The present round until now.
    sum: RoundSum,
}

/// Turns of a round.
struct RoundSum {
    sample: LoadSample,
    outside: OutsideCount,
    /// Processor time of the server in seconds; `None` for running services.
    server_seconds: Option<f64>,
}

/// Measures the calls, and prints the table. The password is for running services; `command` repeats the run.
///
/// # Errors
/// Fails if a service does not start, or refuses the first call of a kind.
pub async fn run(options: LoadOptions, password: Option<&str>, command: &str) -> Result<(), Failure> {
    let machine = MachineFacts::read(command);
    let output = ReportOutput::new(options.json.as_deref());
    output.show(&format!("{machine}\n"));
    let folder = tempfile::tempdir()?;
    let settings = &options.settings;
    let kinds = kinds(&options);
    let services = if options.target.auth.is_some() {
        ServicesUnderLoad::connect(&options.target, password, folder.path(), &kinds, settings).await?
    } else {
        eprintln!("starting the services, with {} users and {} posts", settings.users, settings.posts);
        let program = options.program.clone().map_or_else(services::build, Ok)?;
        ServicesUnderLoad::start(Launch::Alone(&program), folder.path(), &kinds, settings).await?
    };
    let (mut contestants, not_run) = contestants(&options, &kinds, &services, folder.path()).await?;
    for contestant in &mut contestants {
        contestant.warm_up(&services, settings).await?;
    }
    for round in 0..settings.rounds {
        measure_round(round, &mut contestants, &services, settings).await?;
        eprintln!("round {} of {}", round + 1, settings.rounds);
    }
    services.end().await?;
    let series: Vec<_> = contestants.into_iter().map(|one| one.figures).collect();
    let ratios = ratio::ratios(&series);
    let running_services = options.target.auth.is_some();
    let settings = options.settings;
    let report = LoadReport { schema: LOAD_SCHEMA, machine, running_services, settings, series, ratios, not_run };
    let table = table::table(&report);
    output.show(&table);
    output.write(&report)?;
    if let Some(file) = &options.plot {
        fs::write(file, plot::draw(&report))?;
    }
    if options.write {
        page::write("benchmarks.md", "load", &format!("{}\n\n{table}", report.machine))?;
    }
    Ok(())
}

/// Returns the kinds to measure, each once.
fn kinds(options: &LoadOptions) -> Vec<MeasuredCall> {
    let is_chosen = |kind: &MeasuredCall| match options.only.as_slice() {
        [] => *kind != MeasuredCall::Create || options.target.auth.is_none(),
        only => only.contains(kind),
    };
    MeasuredCall::value_variants().iter().copied().filter(is_chosen).collect()
}

/// Opens the connections, and makes one call of each kind.
async fn contestants(
    options: &LoadOptions,
    kinds: &[MeasuredCall],
    services: &ServicesUnderLoad,
    folder: &Path,
) -> Result<(Vec<Contestant>, Vec<NotRun>), Failure> {
    let (mut all, mut not_run, settings) = (Vec::new(), Vec::new(), &options.settings);
    let has_h2load = options.h2load && outside::is_there();
    for kind in kinds {
        let series = Series::open(*kind, services, settings).await?;
        if let Err(failure) = series.probe(services).await {
            if *kind != MeasuredCall::GetPublic || !wants_token(&failure) {
                return Err(format!("{kind}: the first call failed: {failure}").into());
            }
            let reason = "the blog wants a token for reads (BLOG_PUBLIC_READS is not true)".to_owned();
            not_run.push(NotRun { call: kind.to_string(), reason });
            continue;
        }
        let token = services.token.expose();
        if options.h2load && kind.suits_h2load() {
            if has_h2load {
                let outside = OutsideCall::prepare(*kind, &series.address, folder, token)?;
                let figures = SeriesFigures::new(*kind, Generator::H2load, None);
                let series = Series::open(*kind, services, settings).await?;
                all.push(Contestant { series, figures, outside: Some(outside), sum: RoundSum::new()? });
            } else {
                not_run.push(NotRun { call: format!("h2load {kind}"), reason: outside::MISSING.into() });
            }
        }
        let rows = matches!(kind, MeasuredCall::List | MeasuredCall::Batch).then(|| services.ids.rows(settings.rows));
        let figures = SeriesFigures::new(*kind, Generator::Bench, rows);
        all.push(Contestant { series, figures, outside: None, sum: RoundSum::new()? });
    }
    Ok((all, not_run))
}

/// Measures one round. The order of the calls is reversed after each turn.
async fn measure_round(
    round: usize,
    contestants: &mut [Contestant],
    services: &ServicesUnderLoad,
    settings: &LoadSettings,
) -> Result<(), Failure> {
    for turn in 0..settings.turns {
        if (round * settings.turns + turn).is_multiple_of(2) {
            for contestant in contestants.iter_mut() {
                contestant.turn(services, settings).await?;
            }
        } else {
            for contestant in contestants.iter_mut().rev() {
                contestant.turn(services, settings).await?;
            }
        }
    }
    contestants.iter_mut().try_for_each(Contestant::end_round)
}

impl Contestant {
    /// Makes the calls of one turn that does not count.
    async fn warm_up(&mut self, services: &ServicesUnderLoad, settings: &LoadSettings) -> Result<(), Failure> {
        self.turn(services, settings).await?;
        self.sum = RoundSum::new()?;
        Ok(())
    }

    async fn turn(&mut self, services: &ServicesUnderLoad, settings: &LoadSettings) -> Result<(), Failure> {
        if let Some(outside) = &self.outside {
            self.sum.outside.add(&outside.turn(settings)?);
            return Ok(());
        }
        self.series.prepare(services, settings.cold_tokens).await?;
        let server = self.series.kind.server();
        let before = services.processor_time(server)?;
        let sample = self.series.turn(settings).await?;
        let taken = services.processor_time(server)?.zip(before).map(|(after, before)| after - before);
        self.sum.server_seconds = taken.map(|taken| self.sum.server_seconds.unwrap_or_default() + taken);
        self.sum.sample.add(sample)
    }

    fn end_round(&mut self) -> Result<(), Failure> {
        let mut sum = std::mem::replace(&mut self.sum, RoundSum::new()?);
        if self.outside.is_some() {
            self.figures.add(RoundFigures::from(&sum.outside));
            return Ok(());
        }
        let failure = sum.sample.first_failure.take();
        self.figures.first_failure = self
            .figures
            .first_failure
            .take()
            .or(failure.map(|status| format!("{:?}: {}", status.code(), status.message())));
        self.figures.add(RoundFigures::new(&sum.sample, sum.server_seconds));
        Ok(())
    }
}

impl RoundSum {
    fn new() -> Result<Self, Failure> {
        Ok(Self { sample: LoadSample::new()?, outside: OutsideCount::default(), server_seconds: None })
    }
}
