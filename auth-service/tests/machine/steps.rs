//! The random part of a sequence: the next method, the time that passes before it, and dice for all else.
//!
//! A step never refers to the result of another step, so that any step can be left out. `cast/` converts its dice to a
//! call when the step runs.

use chrono::TimeDelta;
use proptest::prelude::{Strategy, any};
use proptest::sample::select;

/// A step of a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) method: Method,
    pub(crate) passes: Passes,
    pub(crate) dice: [u8; 16],
}

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Method {
    CreateUser,
    User,
    Users,
    CredentialsOf,
    Credentials,
    ListUsers,
    UpdateUser,
    SetRoles,
    SetState,
    ChangePassword,
    EndAllSessions,
    DeleteUser,
    CreateSession,
    ListSessions,
    RevokeSession,
    EndSession,
    IsKnownAt,
    Refreshable,
    Rotate,
    RotateAgain,
    SweepSessions,
    Failures,
    ClaimAttempt,
    ReleaseAttempt,
    AddFailure,
    ClearFailures,
    Allowance,
    UseAllowance,
    Earlier,
    PageTokenKey,
}

/// The time that passes before the call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Passes {
    So(TimeDelta),
    /// Until a target ends, or this long after its end.
    UntilAnEnd {
        which: u8,
        and: TimeDelta,
    },
}

/// Relative frequency of each method.
const WEIGHTS: [(Method, usize); 30] = [
    (Method::CreateUser, 9),
    (Method::User, 2),
    (Method::Users, 2),
    (Method::CredentialsOf, 2),
    (Method::Credentials, 3),
    (Method::ListUsers, 7),
    (Method::UpdateUser, 8),
    (Method::SetRoles, 6),
    (Method::SetState, 5),
    (Method::ChangePassword, 5),
    (Method::EndAllSessions, 2),
    (Method::DeleteUser, 3),
    (Method::CreateSession, 14),
    (Method::ListSessions, 7),
    (Method::RevokeSession, 4),
    (Method::EndSession, 3),
    (Method::IsKnownAt, 3),
    (Method::Refreshable, 7),
    (Method::Rotate, 9),
    (Method::RotateAgain, 3),
    (Method::SweepSessions, 2),
    (Method::Failures, 3),
    (Method::ClaimAttempt, 4),
    (Method::ReleaseAttempt, 3),
    (Method::AddFailure, 7),
    (Method::ClearFailures, 1),
    (Method::Allowance, 3),
    (Method::UseAllowance, 6),
    (Method::Earlier, 4),
    (Method::PageTokenKey, 1),
];

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let methods: Vec<Method> =
        WEIGHTS.iter().flat_map(|(method, weight)| std::iter::repeat_n(*method, *weight)).collect();
    let dice = any::<[u8; 16]>();
    (select(methods), any::<u8>(), any::<u16>(), dice).prop_map(|(method, die, size, dice)| {
        let passes = passes(die, size);
        Step { method, passes, dice }
    })
}

/// Returns a short time in most cases, so that calls find live rows, and sometimes a time in which all rows expire.
fn passes(die: u8, size: u16) -> Passes {
    Passes::So(match die {
        0..60 => TimeDelta::zero(),
        60..100 => TimeDelta::microseconds(1),
        100..160 => TimeDelta::microseconds(size.into()),
        160..180 => TimeDelta::milliseconds((size / 64).into()),
        180..220 => TimeDelta::seconds((size % 40).into()),
        220..230 => TimeDelta::minutes((size % 90).into()),
        230..232 => TimeDelta::hours((size % 30).into()),
        232.. => {
            let and = TimeDelta::microseconds(i64::from(die % 3) - 1);
            return Passes::UntilAnEnd { which: (size % 8).try_into().unwrap(), and };
        }
    })
}
