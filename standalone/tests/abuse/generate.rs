//! Requests that are valid messages of their type with arbitrary field values.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value};

use super::random::Random;

/// Numbers that might overflow.
const NUMBERS: [i32; 9] = [0, 1, -1, 3, 1000, 1001, 65_536, i32::MAX, i32::MIN];

/// Lengths with a limit in the contract, in code points.
const LENGTHS: [usize; 6] = [128, 129, 255, 513, 4097, 20_000];

/// Returns the request with some fields changed; `texts` suit any text field.
pub(super) fn vary(random: &mut Random, mut message: DynamicMessage, texts: &[&str]) -> DynamicMessage {
    let fields: Vec<FieldDescriptor> = message.descriptor().fields().collect();
    for field in fields {
        match random.below(8) {
            0 => message.clear_field(&field),
            1..=3 => {
                let value = value(random, &field, texts);
                message.set_field(&field, value);
            }
            _ => {}
        }
    }
    message
}

fn value(random: &mut Random, field: &FieldDescriptor, texts: &[&str]) -> Value {
    if !field.is_list() {
        return one(random, &field.kind(), texts);
    }
    let count = if random.one_in(50) { 101 } else { random.below(4) };
    Value::List((0..count).map(|_| one(random, &field.kind(), texts)).collect())
}

fn one(random: &mut Random, kind: &Kind, texts: &[&str]) -> Value {
    match kind {
        Kind::String => Value::String(text(random, texts)),
        Kind::Bool => Value::Bool(random.one_in(2)),
        Kind::Int32 => Value::I32(*random.pick(&NUMBERS)),
        Kind::Int64 => Value::I64((*random.pick(&NUMBERS)).into()),
        // A negative number wraps to the largest values.
        Kind::Uint64 => Value::U64(i64::from(*random.pick(&NUMBERS)).cast_unsigned()),
        Kind::Bytes => Value::Bytes(random.text(40).into_bytes().into()),
        Kind::Enum(_) => Value::EnumNumber(*random.pick(&NUMBERS)),
        Kind::Message(message) => Value::Message(any(random, message, texts)),
        other => panic!("no request had a field of the type {other:?} before: add values for it"),
    }
}

/// Returns a random message of this type. No message of the contract contains itself.
fn any(random: &mut Random, descriptor: &MessageDescriptor, texts: &[&str]) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields().filter(|_| !random.one_in(4)).collect::<Vec<_>>() {
        let value = value(random, &field, texts);
        message.set_field(&field, value);
    }
    message
}

fn text(random: &mut Random, texts: &[&str]) -> String {
    match random.below(200) {
        0 => "x".repeat(*random.pick(&LENGTHS)),
        1 => "\u{1f980}".repeat(*random.pick(&LENGTHS)),
        2..50 => random.text(40),
        _ => (*random.pick(texts)).to_owned(),
    }
}
