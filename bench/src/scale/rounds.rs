//! Calls of all sizes in turns, round by round.

use std::time::Duration;

use super::report::{CallRound, CallRounds, SizedCall};
use super::sized::SizedServices;
use super::{ScaleFigure, ScaleSettings, call};
use crate::Failure;
use crate::load::{LoadCall, LoadSample, closed_loop};
use crate::services::Services;

/// A call at one size, which is being measured.
struct Contestant<'s> {
    figure: ScaleFigure,
    services: &'s Services,
    calls: Vec<LoadCall>,
    figures: CallRounds,
    /// The present round until now.
    sample: LoadSample,
    services_seconds: f64,
}

/// Measures these figures on services of all sizes, with the smallest size first. A round has the turns of one figure after the
/// other; in a turn of a figure, the sizes alternate.
pub(super) async fn measure(
    figures: &[ScaleFigure],
    sizes: &[SizedServices],
    settings: &ScaleSettings,
) -> Result<Vec<SizedCall>, Failure> {
    let mut all = Vec::new();
    for figure in figures {
        let mut contestants = Vec::new();
        for sized in sizes {
            let calls = call::calls(*figure, sized);
            call::probe(*figure, &calls).await?;
            contestants.push(Contestant::new(*figure, sized, calls)?);
        }
        all.push(contestants);
    }
    for contestant in all.iter_mut().flatten() {
        contestant.turn(settings).await?;
        contestant.sample = LoadSample::new()?;
        contestant.services_seconds = 0.0;
    }
    for round in 0..settings.rounds {
        for contestants in &mut all {
            for turn in 0..settings.turns {
                // The order of the sizes is reversed after each turn.
                if (round * settings.turns + turn).is_multiple_of(2) {
                    for contestant in contestants.iter_mut() {
                        contestant.turn(settings).await?;
                    }
                } else {
                    for contestant in contestants.iter_mut().rev() {
                        contestant.turn(settings).await?;
                    }
                }
            }
            for contestant in contestants {
                contestant.end_round()?;
            }
        }
        eprintln!("round {} of {}", round + 1, settings.rounds);
    }
    let summed = |(figure, contestants): (&ScaleFigure, Vec<Contestant<'_>>)| {
        SizedCall::new(*figure, contestants.into_iter().map(|one| one.figures).collect())
    };
    Ok(figures.iter().zip(all).map(summed).collect())
}

impl<'s> Contestant<'s> {
    fn new(figure: ScaleFigure, sized: &'s SizedServices, calls: Vec<LoadCall>) -> Result<Self, Failure> {
        let figures = CallRounds { rows: sized.keys.rows(), rounds: Vec::new() };
        Ok(Self {
            figure,
            services: &sized.services,
            calls,
            figures,
            sample: LoadSample::new()?,
            services_seconds: 0.0,
        })
    }

    async fn turn(&mut self, settings: &ScaleSettings) -> Result<(), Failure> {
        let length = Duration::from_millis(settings.turn_ms);
        let calls: Vec<_> = self.calls.iter().cloned().map(|call| move || call()).collect();
        let before = self.services.processor_time()?;
        let sample = closed_loop(settings.callers, length, &calls).await?;
        self.services_seconds += self.services.processor_time()? - before;
        self.sample.add(sample)
    }

    #[expect(clippy::cast_precision_loss, reason = "the calls of a few minutes are few")]
    fn end_round(&mut self) -> Result<(), Failure> {
        let LoadSample { micros, failed, first_failure, .. } = std::mem::replace(&mut self.sample, LoadSample::new()?);
        if let Some(status) = first_failure {
            let (figure, rows) = (self.figure, self.figures.rows);
            eprintln!("{figure} at {rows} rows: {failed} calls failed: {status}");
        }
        let [p50_us, p99_us] = [0.5, 0.99].map(|part| micros.value_at_quantile(part));
        let answers = micros.len();
        let services_cpu_us = std::mem::take(&mut self.services_seconds) * 1e6 / (answers + failed).max(1) as f64;
        self.figures.rounds.push(CallRound { answers, failed, p50_us, p99_us, services_cpu_us });
        Ok(())
    }
}
