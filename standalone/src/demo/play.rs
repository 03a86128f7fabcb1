//! Runs the steps and counts the unexpected answers.

use kit::shutdown::Shutdown;
use tonic::{Code, Status};

use super::compare::{compare, reason, text};
use super::print::{self, Style, say};
use super::services::{DemoAnswer, DemoServices};
use super::step::DemoStep;
use super::story;
use super::tally::{EarlyEnd, Tally};
use super::values::Values;
use super::{answer, command};

/// Runs all acts. The last act runs only if no answer was unexpected: it deletes the users, and their remaining posts
/// could then not be deleted.
pub(super) async fn play(services: &DemoServices, values: &mut Values, style: Style, shutdown: &Shutdown) -> Tally {
    let acts = story::ACTS.iter().map(|act| (act, false)).chain([(&story::FAREWELL, true)]);
    let mut tally = Tally { total: story::steps().count(), ..Tally::default() };
    let mut number = 0;
    for (act, farewell) in acts {
        let skips = |tally: &Tally| tally.cut.is_some() || farewell && !tally.is_well();
        if !skips(&tally) {
            say(&print::heading(style, act.heading));
        }
        for step in act.steps {
            number += 1;
            if shutdown.is_cancelled() && tally.cut.is_none() {
                tally.cut = Some(EarlyEnd::Stopped);
            }
            if skips(&tally) {
                tally.left_out += 1;
                continue;
            }
            say(&print::title(style, number, tally.total, step.title));
            let result = take(step, services, values, style, &mut tally.cut).await;
            say(&print::mark(style, step, &result));
            if result.is_err() {
                tally.unexpected.push(number);
            }
        }
    }
    tally
}

/// Runs one step: prints the command, calls the method, prints the answer and keeps a value of it.
async fn take(
    step: &DemoStep,
    services: &DemoServices,
    values: &mut Values,
    style: Style,
    cut: &mut Option<EarlyEnd>,
) -> Result<(), String> {
    let service = services.serving(step.method);
    say(&print::command(style, &command::line(step, &service.flags, service.place.address(), values)));
    let missing = |name| format!("not played: no answer has given ${name}");
    let token = step.token.map(|token| values.fill(token)).transpose().map_err(missing)?;
    let request = values.fill(step.request).map_err(missing)?;
    let actual = services.call(step.method, token.as_deref(), &request).await;
    let kept = keep(step, &actual, values);
    say(&shown(&actual, values));
    if actual.as_ref().is_err_and(|status| status.code() == Code::Unavailable && reason(status).is_empty()) {
        *cut = Some(EarlyEnd::Gone(service.place.url()));
    }
    compare(&step.expected, &actual, values).and(kept)
}

/// Keeps the value that later steps need, even of an unexpected answer.
fn keep(step: &DemoStep, actual: &Result<DemoAnswer, Status>, values: &mut Values) -> Result<(), String> {
    let (Some(keep), Ok(answer)) = (&step.keeps, actual) else { return Ok(()) };
    let found = answer.json.pointer(keep.pointer).ok_or_else(|| format!("expected a value for ${}", keep.name))?;
    values.keep(keep.name, text(found));
    Ok(())
}

fn shown(actual: &Result<DemoAnswer, Status>, values: &Values) -> String {
    match actual {
        Ok(answer) => values.shorten(answer),
        Err(status) => answer::refusal(status),
    }
}
