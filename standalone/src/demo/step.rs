//! Steps of the story, as data: the call and the expected answer.

use tonic::Code;

/// A sequence of steps under one heading.
pub(super) struct Act {
    pub(super) heading: &'static str,
    pub(super) steps: &'static [DemoStep],
}

/// One call. Token and request are templates (see [`super::values::Values`]).
pub(super) struct DemoStep {
    /// Sentence above the step.
    pub(super) title: &'static str,
    /// Method, `package.Service/Method`.
    pub(super) method: &'static str,
    pub(super) token: Option<&'static str>,
    /// JSON as printed.
    pub(super) request: &'static str,
    pub(super) expected: Expected,
    pub(super) keeps: Option<Keep>,
}

/// Expected result of a call.
pub(super) enum Expected {
    /// An answer with these fields, each named by a JSON pointer.
    Answer(&'static [(&'static str, Want)]),
    /// A status.
    Refusal {
        code: Code,
        reason: &'static str,
        /// Part of the message.
        message: &'static str,
    },
}

/// Expected value of a field.
pub(super) enum Want {
    /// This text, from a template.
    Is(&'static str),
    /// Any value.
    Set,
    /// No value; the mapping omits defaults.
    Unset,
}

/// A field of the answer that later steps need, and the name of its variable.
pub(super) struct Keep {
    pub(super) name: &'static str,
    /// A JSON pointer whose last key is the only one of that name in the answer.
    pub(super) pointer: &'static str,
}

impl DemoStep {
    /// Returns a step without a token, with an empty request and any answer.
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

    /// Returns the text of a step with the expected result.
    pub(super) fn verdict(&self) -> String {
        match self.expected {
            Expected::Answer(_) => "as expected".to_owned(),
            Expected::Refusal { reason, .. } => format!("refused as expected: {reason}"),
        }
    }
}
