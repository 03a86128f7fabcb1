//! A step of the story, as data: who calls what, and what must come back.

use tonic::Code;

/// Steps under one heading.
pub(super) struct Act {
    pub(super) heading: &'static str,
    pub(super) steps: &'static [Step],
}

/// One call. Token and request are templates (see [`super::values::Values`]).
pub(super) struct Step {
    /// What is shown, in a sentence.
    pub(super) title: &'static str,
    /// The method, `package.Service/Method`.
    pub(super) method: &'static str,
    pub(super) token: Option<&'static str>,
    /// JSON, exactly as it is printed.
    pub(super) request: &'static str,
    pub(super) expected: Expected,
    pub(super) keeps: Option<Keep>,
}

/// What must come back.
pub(super) enum Expected {
    /// An answer with these fields, each named by a JSON pointer.
    Answer(&'static [(&'static str, Want)]),
    /// A status.
    Refusal {
        code: Code,
        reason: &'static str,
        /// A part of the message.
        message: &'static str,
    },
}

/// What a field of an answer must be.
pub(super) enum Want {
    /// This text, from a template.
    Is(&'static str),
    /// Anything but absent.
    Set,
    /// Absent, which is how the default is written.
    Unset,
}

/// A field of the answer that later steps need, and the name of its variable.
pub(super) struct Keep {
    pub(super) name: &'static str,
    /// A JSON pointer whose last key is the only one of that name in the answer.
    pub(super) pointer: &'static str,
}

impl Step {
    /// A step without a token, an empty request and any answer.
    pub(super) const fn new(title: &'static str, method: &'static str) -> Self {
        Self { title, method, token: None, request: "{}", expected: Expected::Answer(&[]), keeps: None }
    }

    pub(super) const fn token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    pub(super) const fn request(mut self, request: &'static str) -> Self {
        self.request = request;
        self
    }

    pub(super) const fn answers(mut self, fields: &'static [(&'static str, Want)]) -> Self {
        self.expected = Expected::Answer(fields);
        self
    }

    pub(super) const fn refuses(mut self, code: Code, reason: &'static str, message: &'static str) -> Self {
        self.expected = Expected::Refusal { code, reason, message };
        self
    }

    pub(super) const fn keeps(mut self, name: &'static str, pointer: &'static str) -> Self {
        self.keeps = Some(Keep { name, pointer });
        self
    }

    /// What the mark of a step says that went well.
    pub(super) fn verdict(&self) -> String {
        match self.expected {
            Expected::Answer(_) => "as expected".to_owned(),
            Expected::Refusal { reason, .. } => format!("refused as expected: {reason}"),
        }
    }
}
