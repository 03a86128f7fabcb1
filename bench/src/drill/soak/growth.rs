//! Growth of a figure over time, by a robust fit: single peaks do not change it.

use std::time::Duration;

/// Largest number of medians that stand for the samples of one life of a process.
const MAX_POINTS: usize = 240;

/// A sample of a process, which was started again between two lives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GrowthPoint {
    /// Number of the process's life.
    pub(super) life: usize,
    /// Time of the sample.
    pub(super) at: Duration,
    /// The figure.
    pub(super) value: f64,
}

/// Growth of a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Growth {
    /// Median of the slopes between all pairs of samples of a life (Theil and Sen), in units an hour.
    pub(super) per_hour: f64,
    /// Longest time of a life from its first to its last sample.
    pub(super) longest: Duration,
}

impl Growth {
    /// Fits samples in the order of time; `None` without two samples of a life.
    pub(super) fn fit(points: &[GrowthPoint]) -> Option<Self> {
        let (mut slopes, mut longest) = (Vec::new(), Duration::ZERO);
        for life in points.chunk_by(|one, other| one.life == other.life) {
            let span = life.last()?.at.saturating_sub(life.first()?.at);
            longest = longest.max(span);
            let medians: Vec<_> = life.chunks(life.len().div_ceil(MAX_POINTS)).map(middle).collect();
            for (index, one) in medians.iter().enumerate() {
                for other in &medians[index + 1..] {
                    let between = other.at.saturating_sub(one.at);
                    // Near points show only noise.
                    if !between.is_zero() && between * 4 >= span {
                        slopes.push((other.value - one.value) * 3600.0 / between.as_secs_f64());
                    }
                }
            }
        }
        median(&mut slopes).map(|per_hour| Self { per_hour, longest })
    }

    /// Returns the growth over the longest life, in units.
    pub(super) fn total(&self) -> f64 {
        self.per_hour * self.longest.as_secs_f64() / 3600.0
    }

    /// Returns `true` if the figure grows faster than this limit an hour, and by more than this noise in all.
    pub(super) fn exceeds(&self, per_hour: f64, noise: f64) -> bool {
        self.per_hour > per_hour && self.total() > noise
    }
}

/// Returns one point with the median of each coordinate.
fn middle(points: &[GrowthPoint]) -> GrowthPoint {
    let mut values: Vec<_> = points.iter().map(|point| point.value).collect();
    let point = points[points.len() / 2];
    GrowthPoint { value: median(&mut values).unwrap_or(point.value), ..point }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::Random;

    /// Returns samples every five seconds for this long, with noise, peaks and a true growth.
    fn samples(life: usize, seconds: u64, base: f64, per_hour: f64, random: &mut Random) -> Vec<GrowthPoint> {
        (0..seconds / 5)
            .map(|sample| {
                let at = Duration::from_secs(sample * 5);
                let noise = random.millis(0, 2_000).as_secs_f64() - 1.0;
                let peak = if sample % 10 == 3 { 40.0 } else { 0.0 };
                let value = base + per_hour * at.as_secs_f64() / 3600.0 + noise + peak;
                GrowthPoint { life, at: at + Duration::from_secs(u64::try_from(life).unwrap() * 100_000), value }
            })
            .collect()
    }

    #[test]
    fn planted_growth_is_found_among_noise_and_peaks() {
        let mut random = Random::new(1);
        for planted in [0.0, 3.0, 12.0] {
            let fitted = Growth::fit(&samples(0, 8 * 3600, 30.0, planted, &mut random)).unwrap();
            assert!((fitted.per_hour - planted).abs() < 0.2, "{fitted:?} and not {planted}");
            assert_eq!(fitted.exceeds(4.0, 8.0), planted > 4.0);
        }
    }

    #[test]
    fn lower_memory_after_a_restart_is_no_growth() {
        let mut random = Random::new(2);
        let lives = |per_hour, random: &mut Random| {
            (0..20)
                .flat_map(|life| samples(life, 1_200, 30.0 - f64::from(u32::try_from(life).unwrap()), per_hour, random))
                .collect::<Vec<_>>()
        };
        let flat = Growth::fit(&lives(0.0, &mut random)).unwrap();
        assert!(flat.per_hour.abs() < 1.0, "{flat:?}");
        let growing = Growth::fit(&lives(60.0, &mut random)).unwrap();
        assert!((growing.per_hour - 60.0).abs() < 2.0 && growing.exceeds(4.0, 8.0), "{growing:?}");
        assert_eq!(growing.longest, Duration::from_secs(1_195));
    }

    #[test]
    fn noise_of_a_short_run_does_not_count() {
        let point = |seconds, value| GrowthPoint { life: 0, at: Duration::from_secs(seconds), value };
        let short = Growth::fit(&[point(0, 30.0), point(30, 31.0)]).unwrap();
        assert!(short.per_hour > 100.0 && !short.exceeds(4.0, 8.0));
        let leak = Growth::fit(&[point(0, 30.0), point(30, 39.0)]).unwrap();
        assert!(leak.exceeds(4.0, 8.0));
        assert_eq!(Growth::fit(&[point(0, 30.0)]), None);
    }
}
