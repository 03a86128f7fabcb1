//! Statistics of two kinds of samples.

/// Returns the median.
pub(super) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Returns Welch's t.
pub(super) fn welch(one: &[f64], two: &[f64]) -> f64 {
    let (one, two) = (Moments::new(one), Moments::new(two));
    (two.mean - one.mean) / (one.variance_of_mean + two.variance_of_mean).sqrt()
}

/// Returns the samples without the slowest twentieth, which is mostly other work on the machine.
pub(super) fn cropped(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.truncate(sorted.len() - sorted.len() / 20);
    sorted
}

/// The mean of samples, and its variance.
struct Moments {
    mean: f64,
    variance_of_mean: f64,
}

impl Moments {
    fn new(samples: &[f64]) -> Self {
        let count = f64::from(u32::try_from(samples.len()).unwrap_or(u32::MAX));
        let mean = samples.iter().sum::<f64>() / count;
        let variance = samples.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self { mean, variance_of_mean: variance / count }
    }
}
