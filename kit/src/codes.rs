//! Names of gRPC's status codes, for metrics, spans and the log.

use tonic::Code;

/// Names of the status codes, in the order of their numbers.
pub(crate) const CODE_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Returns the number of a code. Each number has a name.
pub(crate) fn code_number(code: Code) -> u8 {
    code as u8
}

/// Returns the name of a code.
pub(crate) fn code_name(code: Code) -> &'static str {
    CODE_NAMES[usize::from(code_number(code))]
}
