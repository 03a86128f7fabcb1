//! `bench scale`: one engine after the other.

use std::fs;
use std::path::Path;

use clap::ValueEnum as _;

use super::databases::ScaleHost;
use super::report::{EngineFigures, SCALE_SCHEMA, ScaleReport, SizedCall};
use super::sized::SizedData;
use super::{ScaleEngine, ScaleFigure, ScaleOptions, ScaleSettings, guards, migration, rounds, start, sweep, table};
use crate::machine::MachineFacts;
use crate::output::ReportOutput;
use crate::{Failure, page, services};

/// Setting that switches the cache of posts off. At few rows the cache holds all of them, and a ratio would only show
/// the cache.
const NO_CACHE: [(&str, &str); 1] = [("BLOG_POST_CACHE_MIB", "0")];

/// Measures the figures of the engines, and prints a table for each. `command` repeats the run.
///
/// # Errors
/// Fails if a service does not start, a call fails, or a database cannot be filled.
pub async fn run(options: ScaleOptions, command: &str) -> Result<(), Failure> {
    let machine = MachineFacts::read(command);
    let output = ReportOutput::new(options.json.as_deref());
    output.show(&format!("{machine}\n"));
    let program = options.program.clone().map_or_else(services::build, Ok)?;
    let mut engines = Vec::new();
    for engine in ScaleEngine::value_variants() {
        if options.engine.is_some_and(|only| only != *engine) {
            continue;
        }
        let folder = tempfile::tempdir()?;
        let figures = figures(*engine, &program, folder.path(), &options).await?;
        let table = table::table(&figures, &options.settings);
        output.show(&format!("{table}\n"));
        if options.write {
            page::write("benchmarks.md", &format!("scale {engine}"), &format!("{machine}\n\n{table}"))?;
        }
        engines.push(figures);
    }
    let report = ScaleReport { schema: SCALE_SCHEMA, machine, settings: options.settings, engines };
    output.write(&report)?;
    Ok(())
}

/// Measures the figures of one engine.
async fn figures(
    engine: ScaleEngine,
    program: &Path,
    folder: &Path,
    options: &ScaleOptions,
) -> Result<EngineFigures, Failure> {
    let is_chosen = |figure: &ScaleFigure| options.only.is_empty() || options.only.contains(figure);
    let chosen: Vec<_> = ScaleFigure::value_variants().iter().copied().filter(is_chosen).collect();
    let (settings, host) = (&options.settings, ScaleHost::start(engine).await?);
    let mut figures = EngineFigures {
        engine,
        available_bytes: available_bytes()?,
        sizes: Vec::new(),
        calls: Vec::new(),
        others: Vec::new(),
    };
    for figure in &chosen {
        let folder = folder.join(figure.to_string());
        let others = match figure {
            ScaleFigure::Start => start::measure(&host, program, &folder, settings).await?,
            ScaleFigure::Migration => migration::measure(&host, program, &folder, settings).await?,
            ScaleFigure::Sweep => sweep::measure(&host, program, &folder, settings).await?,
            ScaleFigure::Guards => guards::measure(&host, program, &folder, settings).await?,
            _ => continue,
        };
        // A failure of a later figure does not hide this one.
        for one in &others {
            eprintln!("{engine}: {}", table::other(one));
        }
        figures.others.extend(others);
    }
    let calls: Vec<_> = chosen.into_iter().filter(|figure| figure.is_call()).collect();
    if calls.is_empty() {
        return Ok(figures);
    }
    let mut sizes = Vec::new();
    for rows in &settings.rows {
        let data = SizedData::fill(&host, program, &folder.join(rows.to_string()), *rows).await?;
        eprintln!("{engine}: {rows} rows filled in {:.0} s", data.facts.fill_seconds);
        figures.sizes.push(data.facts);
        sizes.push(data);
    }
    // A server's posts are never cached.
    let has_cache = |figure: &ScaleFigure| *figure == ScaleFigure::GetPostCached;
    let uncached: Vec<_> = calls.iter().copied().filter(|figure| !has_cache(figure)).collect();
    let cached: Vec<_> =
        calls.into_iter().filter(|figure| has_cache(figure) && engine == ScaleEngine::Sqlite).collect();
    figures.calls = measure(&uncached, &sizes, program, settings, PostCache::Off).await?;
    figures.calls.extend(measure(&cached, &sizes, program, settings, PostCache::Default).await?);
    sizes.into_iter().try_for_each(|data| data.databases.remove())?;
    Ok(figures)
}

/// Cache of posts in the blog service.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PostCache {
    Off,
    Default,
}

/// Measures these calls on services of all sizes.
async fn measure(
    figures: &[ScaleFigure],
    sizes: &[SizedData],
    program: &Path,
    settings: &ScaleSettings,
    cache: PostCache,
) -> Result<Vec<SizedCall>, Failure> {
    if figures.is_empty() {
        return Ok(Vec::new());
    }
    let mut running = Vec::new();
    for data in sizes {
        let services = data.start(program, settings, |command| match cache {
            PostCache::Off => command.envs(NO_CACHE),
            PostCache::Default => command,
        });
        running.push(services.await?);
    }
    let calls = rounds::measure(figures, &running, settings).await?;
    running.into_iter().try_for_each(|sized| sized.services.stop())?;
    Ok(calls)
}

/// Returns the memory that is available for the page cache, in bytes (`proc_meminfo(5)`).
fn available_bytes() -> Result<u64, Failure> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:")).ok_or("no MemAvailable")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
