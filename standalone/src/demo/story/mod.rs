//! The story: two users, a blog, and all states of a token.

mod accounts;
mod farewell;
mod posts;
mod sessions;

use super::step::{Act, DemoStep};

/// A user of the story, with the data for the cleanup.
pub(super) struct Person {
    /// Template of the email address.
    pub(super) email: &'static str,
    /// All passwords that the story may set.
    pub(super) passwords: &'static [&'static str],
    /// Variables of the posts' ids.
    pub(super) posts: &'static [&'static str],
}

/// Users that register.
pub(super) const PEOPLE: &[Person] = &[
    Person {
        email: "ada-{run}@example.com",
        passwords: &["orchid lantern walrus seventeen", "copper violin thistle harbour"],
        posts: &["POST", "SECOND_POST"],
    },
    Person { email: "grace-{run}@example.com", passwords: &["marble teapot comet sandal"], posts: &[] },
];

/// Acts of the story before its end.
pub(super) const ACTS: &[Act] = &[
    Act { heading: "Accounts", steps: accounts::STEPS },
    Act { heading: "Posts", steps: posts::STEPS },
    Act { heading: "Tokens and sessions", steps: sessions::STEPS },
];

/// The last act, which deletes all data.
pub(super) const FAREWELL: Act = Act { heading: "Farewell", steps: farewell::STEPS };

/// Returns all steps, in order.
pub(super) fn steps() -> impl Iterator<Item = &'static DemoStep> {
    ACTS.iter().flat_map(|act| act.steps).chain(FAREWELL.steps)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use gatepost_server::dynamic::{Contract, request};

    use super::super::services::{CONTRACTS, canonical};
    use super::super::step::{Expected, Want};
    use super::super::values::Values;
    use super::*;

    /// Visits the steps with placeholder values, in the order in which answers would give them.
    fn walk(mut each: impl FnMut(&DemoStep, &Values)) {
        let mut values = Values::fixed();
        for step in steps() {
            each(step, &values);
            if let Some(keep) = &step.keeps {
                values.keep(keep.name, "value".into());
            }
        }
    }

    #[test]
    fn steps_are_calls_with_values_of_earlier_answers() {
        let contract = Contract::new(&CONTRACTS);
        walk(|step, values| {
            let method = contract.method(step.method).expect(step.method);
            let json = serde_json::from_str(&values.fill(step.request).expect(step.title)).expect(step.title);
            request(&method, &canonical(json)).expect(step.title);
            values.fill(step.token.unwrap_or_default()).expect(step.title);
        });
    }

    #[test]
    fn templates_of_answers_can_be_filled() {
        walk(|step, values| {
            let Expected::Answer(fields) = &step.expected else { return };
            for (_, want) in *fields {
                if let Want::Is(template) = want {
                    values.fill(template).expect(step.title);
                }
            }
        });
    }

    #[test]
    fn cleanup_knows_all_users_and_posts() {
        let (mut emails, mut posts) = (BTreeSet::new(), BTreeSet::new());
        for step in steps() {
            let json: serde_json::Value = serde_json::from_str(step.request).unwrap();
            if step.method.ends_with("/CreateUser") && matches!(step.expected, Expected::Answer(_)) {
                emails.insert(json["email"].as_str().unwrap().to_owned());
            }
            if let (true, Some(keep)) = (step.method.ends_with("/CreatePost"), &step.keeps) {
                posts.insert(keep.name);
            }
            for password in ["password", "newPassword"].iter().filter_map(|name| json.get(*name)?.as_str()) {
                let known = PEOPLE.iter().any(|person| person.passwords.contains(&password));
                assert_eq!(
                    known,
                    matches!(step.expected, Expected::Answer(_)) || password.contains("orchid"),
                    "{password}"
                );
            }
        }
        assert_eq!(emails, PEOPLE.iter().map(|person| person.email.to_owned()).collect());
        assert_eq!(posts, PEOPLE.iter().flat_map(|person| person.posts).copied().collect());
    }
}
