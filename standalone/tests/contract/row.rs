//! What a row of the matrix can say: who calls, what they get, and whose data changes.

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Without a token.
    Nobody,
    /// A user whom the row's data does not belong to.
    Other,
    /// The user whom the row's data belongs to.
    Owner,
    /// With a token of a user who has been deleted since.
    Deleted,
    /// With a token of a user who has been disabled since.
    Disabled,
    /// Another user, with the role `editor`.
    Editor,
    /// Another user, with the role `admin`.
    Admin,
    /// With the service key.
    Service,
}

/// What a call ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    TokenMissing,
    UserDeleted,
    UserDisabled,
    NotAllowed,
    UserNotFound,
    SessionNotFound,
    PostNotFound,
    NotPostOwner,
    RefreshTokenInvalid,
}

/// Whose data is another after the call; a call that is refused changes nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    Nothing,
    Owner,
    Caller,
}

/// What those get whose token is good: other, owner, editor, admin, service.
pub(crate) type Holders = [Outcome; 5];

/// A request, and what each caller gets for it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// `package.Service/Method`.
    pub(crate) method: &'static str,
    /// The request in JSON, with the placeholders of `cast.rs`.
    pub(crate) request: &'static str,
    /// In the order of [`Who::ALL`].
    pub(crate) outcomes: [Outcome; 8],
    /// Whether anybody may call, so that an answer is for whoever the request proves to be.
    pub(crate) is_public: bool,
    pub(crate) changes: Changes,
    /// Whether the owner has been disabled before the call.
    pub(crate) owner_is_disabled: bool,
    /// What an answer has at these JSON pointers.
    pub(crate) shown: Vec<(&'static str, &'static str)>,
    /// The JSON pointers at which an answer has nothing.
    pub(crate) hidden: Vec<&'static str>,
}

impl Who {
    pub(crate) const ALL: [Self; 8] = [
        Self::Nobody,
        Self::Other,
        Self::Owner,
        Self::Deleted,
        Self::Disabled,
        Self::Editor,
        Self::Admin,
        Self::Service,
    ];
}

impl Outcome {
    /// What the status of this refusal says, in the words of `support::said`; `None` where the call succeeds.
    pub(crate) fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Ok => None,
            Self::TokenMissing => {
                Some("Unauthenticated auth.gatepost.dev TOKEN_MISSING: Authentication token not provided")
            }
            Self::UserDeleted => Some("Unauthenticated auth.gatepost.dev USER_DELETED: user does not exist, bad token"),
            Self::UserDisabled => Some("Unauthenticated auth.gatepost.dev USER_DISABLED: user is disabled, bad token"),
            // Whichever service says it: the status is the guard's.
            Self::NotAllowed => Some("PermissionDenied auth.gatepost.dev NOT_ALLOWED: permission denied"),
            Self::RefreshTokenInvalid => Some(
                "Unauthenticated auth.gatepost.dev REFRESH_TOKEN_INVALID: \
                 the refresh token is unknown, or its session is over: log in again",
            ),
            Self::UserNotFound => Some("NotFound auth.gatepost.dev USER_NOT_FOUND: user not found"),
            Self::SessionNotFound => Some("NotFound auth.gatepost.dev SESSION_NOT_FOUND: session not found"),
            Self::PostNotFound => Some("NotFound blog.gatepost.dev POST_NOT_FOUND: post not found"),
            Self::NotPostOwner => Some("PermissionDenied blog.gatepost.dev NOT_POST_OWNER: permission denied"),
        }
    }
}

impl Row {
    /// Anybody may call, and a token that comes along changes nothing, dead or not.
    pub(crate) fn public(method: &'static str, request: &'static str) -> Self {
        Self { is_public: true, ..Self::new(method, request, [Outcome::Ok; 8]) }
    }

    /// Only the holders of good tokens get further than the guard.
    pub(crate) fn guarded(method: &'static str, request: &'static str, holders: Holders) -> Self {
        Self::new(method, request, with_holders(Outcome::TokenMissing, holders))
    }

    /// Anybody may call, and a token that comes along must be good.
    pub(crate) fn optional(method: &'static str, request: &'static str, holders: Holders) -> Self {
        let nobody = holders[0];
        Self::new(method, request, with_holders(nobody, holders))
    }

    fn new(method: &'static str, request: &'static str, outcomes: [Outcome; 8]) -> Self {
        Self {
            method,
            request,
            outcomes,
            is_public: false,
            changes: Changes::Nothing,
            owner_is_disabled: false,
            shown: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// Whoever calls gets this.
    pub(crate) fn for_all(self, outcome: Outcome) -> Self {
        Self { outcomes: [outcome; 8], ..self }
    }

    pub(crate) fn changing(self, changes: Changes) -> Self {
        Self { changes, ..self }
    }

    pub(crate) fn of_a_disabled_owner(self) -> Self {
        Self { owner_is_disabled: true, ..self }
    }

    pub(crate) fn showing(mut self, pointer: &'static str, value: &'static str) -> Self {
        self.shown.push((pointer, value));
        self
    }

    pub(crate) fn hiding(mut self, pointer: &'static str) -> Self {
        self.hidden.push(pointer);
        self
    }

    pub(crate) fn outcome(&self, who: Who) -> Outcome {
        self.outcomes[who as usize]
    }
}

fn with_holders(nobody: Outcome, [other, owner, editor, admin, service]: Holders) -> [Outcome; 8] {
    [nobody, other, owner, Outcome::UserDeleted, Outcome::UserDisabled, editor, admin, service]
}
