//! Flags of a drill, as in the command that repeats it.

use clap::ValueEnum;

pub(super) fn rounds_flag(rounds: usize) -> String {
    format!("--rounds {rounds}")
}

pub(super) fn attack_flags<T: ValueEnum>(only: &[T], seconds: u64) -> String {
    let only = if only.is_empty() { String::new() } else { format!("--only {} ", names(only)) };
    format!("{only}--seconds {seconds}")
}

/// Returns the values as one argument of a flag, separated by commas.
pub(super) fn names<T: ValueEnum>(values: &[T]) -> String {
    let named = |value: &T| value.to_possible_value().map(|value| value.get_name().to_owned());
    values.iter().filter_map(named).collect::<Vec<_>>().join(",")
}

pub(super) fn fault_flags<T: ValueEnum>(trials: usize, faults: &[T]) -> String {
    let faults = if faults.is_empty() { String::new() } else { format!(" --faults {}", names(faults)) };
    format!("--trials {trials}{faults}")
}
