//! Answers to writes, and their comparison with the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Answer, Broken};

/// A client's knowledge about one of its writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The write exists, under this id.
    Acknowledged(String),
    /// The write may or may not exist.
    Unknown,
    /// The write does not exist.
    Refused,
}

/// A write that was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcknowledgedWrite {
    /// Title of the post, or email of the user.
    pub name: String,
    /// The id in the answer.
    pub id: String,
}

/// Numbers of writes by their fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FateCounts {
    /// Writes that exist.
    pub acknowledged: usize,
    /// Writes that do not exist.
    pub refused: usize,
    /// Writes that may or may not exist.
    pub unknown: usize,
}

/// Content of a database: the ids under each name, which is a title or an email.
pub type Contents = HashMap<String, Vec<String>>;

/// The writes by name.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<HashMap<String, Fate>>>);

impl Journal {
    /// Records that a write is about to be sent.
    pub fn begin(&self, name: &str) {
        self.set(name, Fate::Unknown);
    }

    /// Records the answer to a write: its id, or a failure.
    pub fn end(&self, name: &str, answer: Result<&str, &Answer>) {
        match answer {
            Ok(id) => self.set(name, Fate::Acknowledged(id.to_owned())),
            Err(answer) if answer.is_refusal() => self.set(name, Fate::Refused),
            Err(_) => {}
        }
    }

    /// Returns the acknowledged writes until now.
    pub fn acknowledged(&self) -> Vec<AcknowledgedWrite> {
        let fates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = |(name, fate): (&String, &Fate)| match fate {
            Fate::Acknowledged(id) => Some(AcknowledgedWrite { name: name.clone(), id: id.clone() }),
            Fate::Unknown | Fate::Refused => None,
        };
        fates.iter().filter_map(is_there).collect()
    }

    /// Returns the number of writes by fate.
    pub fn counts(&self) -> FateCounts {
        let fates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |wanted: fn(&Fate) -> bool| fates.values().filter(|fate| wanted(fate)).count();
        FateCounts {
            acknowledged: count(|fate| matches!(fate, Fate::Acknowledged(_))),
            refused: count(|fate| *fate == Fate::Refused),
            unknown: count(|fate| *fate == Fate::Unknown),
        }
    }

    /// Compares the database's content with the answers.
    pub fn check(&self, held: &Contents) -> Vec<Broken> {
        let fates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut broken = Vec::new();
        for (name, fate) in fates.iter() {
            let ids = held.get(name).map_or(&[][..], Vec::as_slice);
            let promise = match fate {
                Fate::Acknowledged(id) if ids != [id.clone()] => "an acknowledged write exists exactly once",
                Fate::Unknown if ids.len() > 1 => "an unanswered write exists at most once",
                Fate::Refused if !ids.is_empty() => "a refused write does not exist",
                _ => continue,
            };
            broken.push(Broken::new(promise, format!("{name}: {fate:?}, and the database has {ids:?}")));
        }
        broken
    }

    fn set(&self, name: &str, fate: Fate) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), fate);
    }
}
