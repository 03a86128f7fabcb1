//! Requests of every method, through the whole services: each is answered, and none with an internal error.

mod world;

use std::cell::RefCell;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use world::World;

/// Codes of faults of a service. No request may cause one.
const FAULTS: [Code; 5] = [Code::Internal, Code::Unknown, Code::DataLoss, Code::OutOfRange, Code::Cancelled];

/// Texts that no client may see: they name internals.
const INSIDE: [&str; 7] = ["sql", "select ", "insert ", ".rs", "src/", "panic", "prost"];

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::start());
}

/// Sends a request. The first line names the method, the next byte chooses the caller, and the rest is the message.
///
/// A caller of 128 and above sends the rest without the frame of a message.
pub fn handlers(data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let Some((&caller, message)) = data[end + 1..].split_first() else { return };
    WORLD.with_borrow_mut(|world| {
        let call = world.call(&data[..end], caller, message);
        let name = call.path.clone();
        if let Err(status) = world.send(call) {
            check(&name, &status);
            world.renew_callers(&status);
        }
    });
}

fn check(path: &str, status: &Status) {
    assert!(!FAULTS.contains(&status.code()), "{path}: {status:?}");
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("{path}: no reason: {status:?}"));
    assert!(!info.reason.is_empty() && info.domain.ends_with(".gatepost.dev"), "{path}: {info:?}");
    let text = status.message().to_lowercase();
    assert!(!INSIDE.iter().any(|word| text.contains(word)), "{path}: {status:?}");
}
