//! Memory and open descriptors of the processes.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde::Serialize;

use super::growth::{Growth, GrowthPoint};
use super::rig::{ProcessIds, ProcessLife};

/// Time from the start of a process until its samples count.
const WARM_UP_TIME: Duration = Duration::from_mins(1);

/// Memory and descriptors that a process may gain in all, however short the run: caches fill, and allocators keep
/// what peaks have needed.
const MEMORY_NOISE_MIB: f64 = 8.0;
const DESCRIPTOR_NOISE: f64 = 24.0;

/// Descriptors that a process may gain in an hour.
const MAX_DESCRIPTORS_PER_HOUR: f64 = 2.0;

/// A sample of one process.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ProcessSample {
    pub(super) process: String,
    pub(super) life: usize,
    pub(super) at_seconds: f64,
    pub(super) memory_mib: f64,
    pub(super) descriptors: u64,
}

/// All samples of the processes that count.
#[derive(Debug, Default)]
pub(super) struct Samples {
    processes: BTreeMap<String, ProcessSamples>,
}

#[derive(Debug, Default)]
struct ProcessSamples {
    memory: Vec<GrowthPoint>,
    descriptors: Vec<GrowthPoint>,
    /// First sample of the present life.
    life_began: Option<LifeStart>,
    peak: f64,
    last: Option<ProcessSample>,
}

#[derive(Clone, Copy, Debug)]
struct LifeStart {
    life: usize,
    at: Duration,
}

/// Figures of a process.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ProcessFigures {
    pub(super) process: String,
    pub(super) lives: usize,
    /// Samples after the warm-up and outside faults.
    pub(super) samples: usize,
    pub(super) peak_mib: f64,
    pub(super) last_mib: f64,
    pub(super) last_descriptors: u64,
    /// Longest time of a life with samples that count, in seconds.
    pub(super) longest_seconds: u64,
    pub(super) memory_mib_per_hour: Option<f64>,
    pub(super) descriptors_per_hour: Option<f64>,
    /// Sentences about growth beyond the limits.
    pub(super) grows: Vec<String>,
}

/// Reads the memory and the number of descriptors of each process that runs.
pub(super) fn read(ids: &ProcessIds, now: Duration) -> Vec<ProcessSample> {
    ids.all()
        .into_iter()
        .filter_map(|(process, ProcessLife { id, life })| {
            let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
            let descriptors = u64::try_from(fs::read_dir(format!("/proc/{id}/fd")).ok()?.count()).ok()?;
            let at_seconds = now.as_secs_f64();
            Some(ProcessSample { process, life, at_seconds, memory_mib: kilobytes / 1024.0, descriptors })
        })
        .collect()
}

impl Samples {
    /// Adds samples. Samples in the time of a fault are shown, but do not count.
    pub(super) fn add(&mut self, samples: &[ProcessSample], in_fault: bool, warm_up: Duration) {
        for sample in samples {
            let at = Duration::from_secs_f64(sample.at_seconds);
            let process = self.processes.entry(sample.process.clone()).or_default();
            let life = process.life_began.filter(|start| start.life == sample.life);
            let start = *process.life_began.insert(life.unwrap_or(LifeStart { life: sample.life, at }));
            process.peak = process.peak.max(sample.memory_mib);
            process.last = Some(sample.clone());
            if !in_fault && at >= start.at + warm_up {
                let point = |value| GrowthPoint { life: sample.life, at, value };
                process.memory.push(point(sample.memory_mib));
                process.descriptors.push(point(f64::from(u32::try_from(sample.descriptors).unwrap_or(u32::MAX))));
            }
        }
    }

    /// Returns the warm-up of a run of this length: a tenth of it, at most a minute.
    pub(super) fn warm_up(length: Duration) -> Duration {
        (length / 10).min(WARM_UP_TIME)
    }

    /// Returns the figures of each process. `max_growth` is in MiB an hour.
    pub(super) fn figures(&self, max_growth: f64) -> Vec<ProcessFigures> {
        let figures = |(process, samples): (&String, &ProcessSamples)| {
            let (memory, descriptors) = (Growth::fit(&samples.memory), Growth::fit(&samples.descriptors));
            let mut grows = Vec::new();
            for (growth, limit, noise, unit) in [
                (memory, max_growth, MEMORY_NOISE_MIB, "MiB"),
                (descriptors, MAX_DESCRIPTORS_PER_HOUR, DESCRIPTOR_NOISE, "descriptors"),
            ] {
                if let Some(growth) = growth.filter(|growth| growth.exceeds(limit, noise)) {
                    let (rate, total) = (growth.per_hour, growth.total());
                    grows.push(format!("{process}: {rate:.1} {unit} an hour, {total:.1} {unit} in all"));
                }
            }
            ProcessFigures {
                process: process.clone(),
                lives: samples.life_began.map_or(0, |start| start.life + 1),
                samples: samples.memory.len(),
                peak_mib: samples.peak,
                last_mib: samples.last.as_ref().map_or(0.0, |sample| sample.memory_mib),
                last_descriptors: samples.last.as_ref().map_or(0, |sample| sample.descriptors),
                longest_seconds: memory.map_or(0, |growth| growth.longest.as_secs()),
                memory_mib_per_hour: memory.map(|growth| growth.per_hour),
                descriptors_per_hour: descriptors.map(|growth| growth.per_hour),
                grows,
            }
        };
        self.processes.iter().map(figures).collect()
    }

    /// Returns the last samples as text.
    pub(super) fn last_text(&self) -> String {
        let last = self.processes.values().filter_map(|samples| samples.last.as_ref());
        let text = last.map(|one| format!("{} {:.1} MiB {} fd", one.process, one.memory_mib, one.descriptors));
        text.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a sample every five seconds of a process that grows by this much in an hour.
    fn grown(mib_per_hour: f64, descriptors_per_hour: u64) -> Samples {
        let mut samples = Samples::default();
        for number in 0..1_440_u32 {
            let hours = f64::from(number) / 720.0;
            let sample = ProcessSample {
                process: "auth-1".into(),
                life: 0,
                at_seconds: f64::from(number) * 5.0,
                memory_mib: 30.0 + mib_per_hour * hours,
                descriptors: 40 + descriptors_per_hour * u64::from(number) / 720,
            };
            // In faults anything may happen.
            let fault = ProcessSample { memory_mib: 900.0, descriptors: 9_000, ..sample.clone() };
            samples.add(&[sample], false, Duration::from_mins(1));
            samples.add(&[fault], true, Duration::from_mins(1));
        }
        samples
    }

    #[test]
    fn growth_of_memory_or_descriptors_is_found() {
        let grows = |samples: &Samples| samples.figures(4.0)[0].grows.len();
        assert_eq!(grows(&grown(0.0, 0)), 0);
        assert_eq!(grows(&grown(3.0, 0)), 0);
        assert_eq!(grows(&grown(6.0, 0)), 1);
        assert_eq!(grows(&grown(0.0, 15)), 1);
        assert_eq!(grows(&grown(6.0, 15)), 2);
    }

    #[test]
    fn warm_up_of_each_life_does_not_count() {
        let mut samples = Samples::default();
        for number in 0..40_u32 {
            let (life, at_seconds) = (usize::from(number >= 20), f64::from(number) * 5.0);
            let sample = ProcessSample { process: "blog".into(), life, at_seconds, memory_mib: 20.0, descriptors: 30 };
            samples.add(&[sample], false, Duration::from_mins(1));
        }
        let figures = &samples.figures(4.0)[0];
        assert_eq!((figures.lives, figures.samples, figures.longest_seconds), (2, 16, 35));
    }
}
