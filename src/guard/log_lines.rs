//! A log subscriber for tests.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, LazyLock, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Subscribers that exist until the end. With less than two of them, tracing asks only the subscriber of the thread that
/// reaches a line first. A thread without a log would then disable the line for all threads.
static OTHERS: LazyLock<[Dispatch; 2]> = LazyLock::new(|| [(); 2].map(|()| Dispatch::new(LogLines::new(""))));

/// A subscriber that keeps level, message and fields of each line of one module.
#[derive(Clone)]
pub(super) struct LogLines {
    module: &'static str,
    lines: Arc<Mutex<Vec<String>>>,
}

impl LogLines {
    /// Prepares to keep the lines of a module. The test then runs its code once before it installs the subscriber, in case
    /// another thread has begun to reach a line.
    pub(super) fn from_module(module: &'static str) -> Self {
        LazyLock::force(&OTHERS);
        Self::new(module)
    }

    fn new(module: &'static str) -> Self {
        Self { module, lines: Arc::default() }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl Subscriber for LogLines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target() == self.module
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = LineText(event.metadata().level().to_string());
        event.record(&mut line);
        self.lines.lock().unwrap().push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct LineText(String);

impl Visit for LineText {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        }
        .unwrap();
    }
}
