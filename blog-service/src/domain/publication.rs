//! States of a post, and their changes.

use chrono::{DateTime, Utc};

/// State of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PostState {
    /// Not published yet, or no longer.
    Draft,
    /// Waits for its time of publication.
    Scheduled,
    /// Seen by every reader.
    Published,
}

/// Result of `PublishPost`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publication {
    /// Published at once.
    Now,
    /// Scheduled for this later time.
    At(DateTime<Utc>),
}

impl PostState {
    /// Returns the name of the state, as the database has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Published => "published",
        }
    }

    /// Reads the name of a state. An unknown state, which a later version may have written, hides the post like a draft.
    pub fn from_name(name: &str) -> Self {
        match name {
            "published" => Self::Published,
            "scheduled" => Self::Scheduled,
            _ => Self::Draft,
        }
    }
}

impl Publication {
    /// Publishes at once unless the wanted time is later than `now`.
    pub fn from_time(wanted: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        wanted.filter(|time| *time > now).map_or(Self::Now, Self::At)
    }

    /// Returns the state of the post after the change.
    pub const fn state(self) -> PostState {
        match self {
            Self::Now => PostState::Published,
            Self::At(_) => PostState::Scheduled,
        }
    }

    /// Returns the time of publication of a change that is made at `now`.
    pub fn time(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Now => now,
            Self::At(time) => time,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn names_of_states_are_read_back() {
        for state in [PostState::Draft, PostState::Scheduled, PostState::Published] {
            assert_eq!(PostState::from_name(state.as_str()), state);
        }
        assert_eq!(PostState::from_name("deleted"), PostState::Draft, "an unknown state is hidden");
    }

    #[test]
    fn only_a_later_time_schedules() {
        let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let later = now + TimeDelta::microseconds(1);
        for wanted in [None, Some(now), Some(now - TimeDelta::days(1))] {
            assert_eq!(Publication::from_time(wanted, now), Publication::Now);
        }
        assert_eq!(Publication::from_time(Some(later), now), Publication::At(later));
    }
}
