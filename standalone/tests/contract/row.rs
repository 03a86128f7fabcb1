//! A row of the matrix: a method, the outcome for each caller, and the changes.

/// The kinds of callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// No token.
    Nobody,
    /// A user who does not own the row's data.
    Other,
    /// The user who owns the row's data.
    Owner,
    /// A token of a user who was deleted after its issue.
    Deleted,
    /// A token of a user who was disabled after its issue.
    Disabled,
    /// Another user, with the role `editor`.
    Editor,
    /// Another user, with the role `admin`.
    Admin,
    /// The service key.
    Service,
    /// An API key with the role `admin`.
    ApiKey,
}

/// The outcome of a call.
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
    WrongPostState,
    RefreshTokenInvalid,
    ResetCodeInvalid,
    ApiKeyNotFound,
}

/// The party with changed data; a refused call changes no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    Nothing,
    Owner,
    Caller,
}

/// Outcomes for the holders of good tokens: other, owner, editor, admin, service, API key.
pub(crate) type Holders = [Outcome; 6];

/// A request, and its outcome for each caller.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// `package.Service/Method`.
    pub(crate) method: &'static str,
    /// The request in JSON, with the placeholders of `cast.rs`.
    pub(crate) request: &'static str,
    /// Outcomes in the order of [`Who::ALL`].
    pub(crate) outcomes: [Outcome; 9],
    /// Set if the method needs no token, so that the answer depends on the request alone.
    pub(crate) is_public: bool,
    pub(crate) changes: Changes,
    /// Set if the owner is disabled before the call.
    pub(crate) owner_is_disabled: bool,
    /// JSON pointers into the answer, with the values there.
    pub(crate) shown: Vec<(&'static str, &'static str)>,
    /// JSON pointers at which the answer has no value.
    pub(crate) hidden: Vec<&'static str>,
}

impl Who {
    pub(crate) const ALL: [Self; 9] = [
        Self::Nobody,
        Self::Other,
        Self::Owner,
        Self::Deleted,
        Self::Disabled,
        Self::Editor,
        Self::Admin,
        Self::Service,
        Self::ApiKey,
    ];
}

impl Outcome {
    /// Returns the text of this refusal in the format of `support::said`; `None` if the call succeeds.
    pub(crate) fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Ok => None,
            Self::TokenMissing => {
                Some("Unauthenticated auth.gatepost.dev TOKEN_MISSING: Authentication token not provided")
            }
            Self::UserDeleted => Some("Unauthenticated auth.gatepost.dev USER_DELETED: user does not exist, bad token"),
            Self::UserDisabled => Some("Unauthenticated auth.gatepost.dev USER_DISABLED: user is disabled, bad token"),
            // The guard gives this status, in both services.
            Self::NotAllowed => Some("PermissionDenied auth.gatepost.dev NOT_ALLOWED: permission denied"),
            Self::RefreshTokenInvalid => Some(
                "Unauthenticated auth.gatepost.dev REFRESH_TOKEN_INVALID: \
                 the refresh token is unknown, or its session is over: log in again",
            ),
            Self::ResetCodeInvalid => Some(
                "Unauthenticated auth.gatepost.dev RESET_CODE_INVALID: \
                 the reset code is invalid, used or expired: ask an admin for another one",
            ),
            Self::UserNotFound => Some("NotFound auth.gatepost.dev USER_NOT_FOUND: user not found"),
            Self::ApiKeyNotFound => Some("NotFound auth.gatepost.dev API_KEY_NOT_FOUND: API key not found"),
            Self::SessionNotFound => Some("NotFound auth.gatepost.dev SESSION_NOT_FOUND: session not found"),
            Self::PostNotFound => Some("NotFound blog.gatepost.dev POST_NOT_FOUND: post not found"),
            Self::WrongPostState => Some(
                "FailedPrecondition blog.gatepost.dev WRONG_POST_STATE: \
                 the post is published already: unpublish it before you publish it again",
            ),
            Self::NotPostOwner => Some("PermissionDenied blog.gatepost.dev NOT_POST_OWNER: permission denied"),
        }
    }
}

impl Row {
    /// Returns a row of a method without a guard: the outcome is the same without a token, with a valid one and with a
    /// dead one.
    pub(crate) fn public(method: &'static str, request: &'static str) -> Self {
        Self { is_public: true, ..Self::new(method, request, [Outcome::Ok; 9]) }
    }

    /// Returns a row of a method whose guard admits only good tokens.
    pub(crate) fn guarded(method: &'static str, request: &'static str, holders: Holders) -> Self {
        Self::new(method, request, with_holders(Outcome::TokenMissing, holders))
    }

    /// Returns a row of a method that needs no token, but refuses a bad one.
    pub(crate) fn optional(method: &'static str, request: &'static str, holders: Holders) -> Self {
        let nobody = holders[0];
        Self::new(method, request, with_holders(nobody, holders))
    }

    fn new(method: &'static str, request: &'static str, outcomes: [Outcome; 9]) -> Self {
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

    /// Gives every caller this outcome.
    pub(crate) fn for_all(self, outcome: Outcome) -> Self {
        Self { outcomes: [outcome; 9], ..self }
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

fn with_holders(nobody: Outcome, [other, owner, editor, admin, service, api_key]: Holders) -> [Outcome; 9] {
    [nobody, other, owner, Outcome::UserDeleted, Outcome::UserDisabled, editor, admin, service, api_key]
}
