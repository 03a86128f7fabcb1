//! Messages with secret fields: prost itself does not read the option `debug_redact`.

use protox::prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor};

/// A message with at least one field that is marked `debug_redact`.
pub(crate) struct Message {
    package: String,
    name: String,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    is_secret: bool,
}

/// Finds the messages with secret fields.
///
/// # Panics
/// Panics if such a message has a oneof or is nested in another one: its fields would not be those of the Rust struct.
pub(crate) fn messages(pool: &DescriptorPool) -> Vec<Message> {
    let mut found = Vec::new();
    // Some options in google's own messages are marked too.
    for message in pool.all_messages().filter(|message| !message.package_name().starts_with("google.")) {
        let fields: Vec<_> = message
            .fields()
            .map(|field| Field { name: field.name().to_owned(), is_secret: is_secret(&field) })
            .collect();
        if fields.iter().any(|field| field.is_secret) {
            assert!(is_plain(&message), "{}: a message with a secret must have no oneof", message.full_name());
            found.push(Message { package: message.package_name().to_owned(), name: message.name().to_owned(), fields });
        }
    }
    found
}

fn is_secret(field: &FieldDescriptor) -> bool {
    let options = field.options();
    options.get_field_by_name("debug_redact").and_then(|value| value.as_bool()).unwrap_or(false)
}

/// Returns `true` if each field of the message is one field of the Rust struct.
fn is_plain(message: &MessageDescriptor) -> bool {
    message.oneofs().len() == 0 && message.parent_message().is_none()
}

impl Message {
    /// Returns the package's name.
    pub(crate) fn package(&self) -> &str {
        &self.package
    }

    /// Returns the path of the message in the code generator's configuration.
    pub(crate) fn path(&self) -> String {
        format!(".{}.{}", self.package, self.name)
    }

    /// Returns an implementation of `Debug` that shows `[redacted]` for each secret field.
    pub(crate) fn debug(&self) -> String {
        let name = &self.name;
        let fields = self.fields.iter().map(|Field { name, is_secret }| {
            let value = if *is_secret { "&\"[redacted]\"".to_owned() } else { format!("&self.{name}") };
            format!("            .field(\"{name}\", {value})\n")
        });
        format!(
            "impl ::core::fmt::Debug for {name} {{\n    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> \
             ::core::fmt::Result {{\n        f.debug_struct(\"{name}\")\n{}            .finish()\n    }}\n}}\n",
            fields.collect::<String>()
        )
    }
}
