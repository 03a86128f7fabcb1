//! Plays a sequence on the model and on the engines, side by side.

use blog_service::domain::View;
use kit::testing::machine::Found;

use super::calls::Call;
use super::cast::Cast;
use super::engines::Engines;
use super::model::Model;
use super::steps::Step;

/// After how many steps everything is read.
const READ_ALL: usize = 500;

/// Plays the steps on empty databases; what the model is told of a call is `told`'s to say.
///
/// # Errors
/// The first call that the engines and the model do not answer alike.
pub(crate) async fn play(engines: &mut Engines, steps: &[Step], told: fn(Call) -> Call) -> Result<(), String> {
    engines.empty().await;
    let (mut model, mut cast) = (Model::default(), Cast::new());
    for (number, step) in (1..).zip(steps) {
        let call = cast.call(*step, &model);
        let expected = model.answer(&told(call.clone()));
        Box::pin(engines.must_answer(&call, &expected)).await?;
        if number % READ_ALL == 0 || number == steps.len() {
            for call in everything(&cast) {
                let expected = model.answer(&call);
                Box::pin(engines.must_answer(&call, &expected)).await?;
            }
        }
    }
    Ok(())
}

/// Calls that read all that there is, and all that there was.
fn everything(cast: &Cast) -> Vec<Call> {
    let mut calls = vec![Call::List { after: None, limit: 10_000, view: View::Full }];
    calls.extend(cast.posts.map(|id| Call::Post { id, view: View::Full }));
    calls.extend(Cast::requests().map(|key| Call::Earlier { key, now: cast.now }));
    calls
}

/// What was found, as the calls that it is.
pub(crate) fn told(found: &Found<Step>) -> String {
    let (mut model, mut cast) = (Model::default(), Cast::new());
    let mut text = format!("{} steps find a difference:\n", found.steps.len());
    for step in &found.steps {
        let call = cast.call(*step, &model);
        model.answer(&call);
        text = text + "  " + &format!("{call:?}") + "\n";
    }
    text + "the last of these, or what is read after it: " + &found.reason
}
