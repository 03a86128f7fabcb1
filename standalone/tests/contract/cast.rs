//! The two parties of a call in the matrix: the owner of the data, and the caller.

use serde_json::{Value, json};

use super::row::{Changes, Outcome, Row, Who};
use super::support::{DELETE_USER, GET_POST, LOGIN, NEW_PASSWORD, PASSWORD, Person, SERVICE_KEY, World, said, text};

const CREATE_API_KEY: &str = "gatepost.auth.v1.ApiKeyService/CreateApiKey";
const GET_API_KEY: &str = "gatepost.auth.v1.ApiKeyService/GetApiKey";
const GET_USER: &str = "gatepost.auth.v1.UserService/GetUser";
const SET_USER_ROLES: &str = "gatepost.auth.v1.UserService/SetUserRoles";
const DISABLE_USER: &str = "gatepost.auth.v1.UserService/DisableUser";
const VERIFY: &str = "gatepost.auth.v1.TokenService/VerifyToken";
const LIST_SESSIONS: &str = "gatepost.auth.v1.SessionService/ListSessions";

/// The owner of the data: a user with two sessions, a role, a post and a draft.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) person: Person,
    etag: String,
    post: Value,
    draft: Value,
    session: String,
    /// Refresh token of that session.
    refresh_token: String,
    /// An API key of no service.
    api_key: String,
}

/// The calling party.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    /// The calling user; `None` for a caller without a token and for a service.
    pub(crate) person: Option<Person>,
    session: String,
    /// Secret of a calling API key.
    secret: String,
}

/// The two parties of a call.
pub(crate) struct Cast {
    pub(crate) owner: Owner,
    pub(crate) caller: Caller,
}

/// The parties of calls that change nothing.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) owner: Owner,
    /// In the order of [`Who::ALL`].
    callers: Vec<Caller>,
}

/// State of the owner's data, and of the caller's if the caller is another user.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DataSnapshot {
    pub(crate) owner: Vec<String>,
    pub(crate) caller: Vec<String>,
}

impl Stage {
    pub(crate) async fn new(world: &World) -> Self {
        let owner = Owner::new(world).await;
        let mut callers = Vec::new();
        for who in Who::ALL {
            callers.push(Caller::new(world, who, &owner).await);
        }
        Self { owner, callers }
    }

    /// Returns the same callers, with a new owner if this row changes something.
    pub(crate) async fn of(&self, world: &World, row: &Row) -> Self {
        let owner = match row.changes {
            Changes::Nothing => self.owner.clone(),
            Changes::Owner | Changes::Caller => Owner::of(world, row).await,
        };
        Self { owner, callers: self.callers.clone() }
    }

    /// Returns owner and caller. A party that the call changes is used in no other call.
    pub(crate) async fn cast(&self, world: &World, row: &Row, who: Who) -> Cast {
        let changes = if row.outcome(who) == Outcome::Ok { row.changes } else { Changes::Nothing };
        let owner = match changes {
            Changes::Owner => Owner::of(world, row).await,
            Changes::Caller if who == Who::Owner => Owner::of(world, row).await,
            Changes::Caller | Changes::Nothing => self.owner.clone(),
        };
        let caller = match changes {
            _ if who == Who::Owner => Caller::new(world, who, &owner).await,
            Changes::Caller => Caller::new(world, who, &owner).await,
            Changes::Owner | Changes::Nothing => self.callers[who as usize].clone(),
        };
        Cast { owner, caller }
    }
}

impl Owner {
    async fn new(world: &World) -> Self {
        let mut person = world.person().await;
        let login = json!({"email": person.email, "password": PASSWORD});
        let begun = world.call(LOGIN, None, login).await.unwrap();
        person.tokens.push(text(&begun, "/tokens/accessToken").to_owned());
        let refresh_token = text(&begun, "/tokens/refreshToken").to_owned();
        // A role without rights, which shows who can see roles.
        let request = json!({"id": person.id, "roles": ["reader"]});
        let user = world.call(SET_USER_ROLES, Some(&world.root), request).await.unwrap();
        let (post, draft) = (world.post(&person).await, world.draft(&person).await);
        let session = session(world, person.token()).await;
        let key = world.call(CREATE_API_KEY, Some(&world.root), json!({"name": "Idle"})).await.unwrap();
        let (etag, api_key) = (text(&user, "/user/etag").to_owned(), text(&key, "/apiKey/id").to_owned());
        Self { person, etag, post, draft, session, refresh_token, api_key }
    }

    /// Reads the state of the owner, the posts and the API key.
    pub(crate) async fn snapshot(&self, world: &World) -> Vec<String> {
        let mut lines = snapshot(world, &self.person).await;
        for post in [&self.post, &self.draft] {
            lines.push(outcome(world, GET_POST, Some(self.person.token()), json!({"id": post["id"]})).await);
        }
        lines.push(outcome(world, GET_API_KEY, Some(&world.root), json!({"id": self.api_key})).await);
        lines
    }

    /// Creates the owner that the row needs.
    async fn of(world: &World, row: &Row) -> Self {
        let owner = Self::new(world).await;
        if row.owner_is_disabled {
            world.call(DISABLE_USER, Some(&world.root), json!({"id": owner.person.id})).await.unwrap();
        }
        owner
    }
}

impl Caller {
    async fn new(world: &World, who: Who, owner: &Owner) -> Self {
        let person = match who {
            Who::Nobody | Who::Service | Who::ApiKey => None,
            Who::Owner => {
                let (person, session) = (Some(owner.person.clone()), owner.session.clone());
                return Self { who, person, session, secret: String::new() };
            }
            Who::Other | Who::Deleted | Who::Disabled => Some(world.person().await),
            Who::Editor => Some(with_role(world, "editor").await),
            Who::Admin => Some(with_role(world, "admin").await),
        };
        let mut caller = Self { who, person, session: String::new(), secret: String::new() };
        if who == Who::ApiKey {
            let request = json!({"name": "Caller", "roles": ["admin"]});
            let created = world.call(CREATE_API_KEY, Some(&world.root), request).await.unwrap();
            text(&created, "/secret").clone_into(&mut caller.secret);
        }
        if let Some(person) = &caller.person {
            caller.session = session(world, person.token()).await;
            if let Some(method) = end(who) {
                world.call(method, Some(&world.root), json!({"id": person.id})).await.unwrap();
            }
        }
        caller
    }

    pub(crate) fn id(&self) -> Option<&str> {
        self.person.as_ref().map(|person| person.id.as_str())
    }

    /// Returns the token of the call.
    pub(crate) fn token(&self) -> Option<&str> {
        match self.who {
            Who::Service => Some(SERVICE_KEY),
            Who::ApiKey => Some(&self.secret),
            _ => self.person.as_ref().map(Person::token),
        }
    }
}

impl Cast {
    /// Fills the placeholders of the text; `number` makes values unique.
    pub(crate) fn fill(&self, text: &str, number: usize) -> String {
        let owner = &self.owner;
        let new_email = format!("new-{number}@example.com");
        // Longer placeholders come before those that they begin with.
        let number = number.to_string();
        let filled: [(&str, &str); 19] = [
            ("$OWNER_EMAIL", &owner.person.email),
            ("$OWNER_ETAG", &owner.etag),
            ("$OWNER_TOKEN", owner.person.token()),
            ("$OWNER_REFRESH_TOKEN", &owner.refresh_token),
            ("$OWNER", &owner.person.id),
            ("$API_KEY", &owner.api_key),
            ("$POST_ETAG", owner.post["etag"].as_str().unwrap()),
            ("$POST_SLUG", owner.post["slug"].as_str().unwrap()),
            ("$DRAFT_SLUG", owner.draft["slug"].as_str().unwrap()),
            ("$DRAFT", owner.draft["id"].as_str().unwrap()),
            ("$NUMBER", &number),
            ("$POST", owner.post["id"].as_str().unwrap()),
            ("$SESSION", &owner.session),
            ("$CALLER_SESSION", &self.caller.session),
            ("$CALLER", self.caller.id().unwrap_or_default()),
            ("$NEW_EMAIL", &new_email),
            ("$NEW_PASSWORD", NEW_PASSWORD),
            ("$PASSWORD", PASSWORD),
            ("$ABSENT", "01890a5d-ac96-774b-bcce-b302099a8057"),
        ];
        filled.into_iter().fold(text.to_owned(), |text, (placeholder, value)| text.replace(placeholder, value))
    }

    /// Reads the state of everything: two equal states mean that no data has changed.
    pub(crate) async fn snapshot(&self, world: &World) -> DataSnapshot {
        let caller = match &self.caller.person {
            Some(person) if self.caller.who != Who::Owner => snapshot(world, person).await,
            _ => Vec::new(),
        };
        DataSnapshot { owner: self.owner.snapshot(world).await, caller }
    }
}

/// Reads the state of a user, as seen by an admin and by the user.
async fn snapshot(world: &World, person: &Person) -> Vec<String> {
    let mut lines = vec![
        outcome(world, GET_USER, Some(&world.root), json!({"id": person.id})).await,
        outcome(world, LIST_SESSIONS, Some(person.token()), json!({})).await,
    ];
    for token in &person.tokens {
        let introspection = world.call(VERIFY, None, json!({"token": token})).await.unwrap();
        lines.push(text(&introspection, "/state").to_owned());
    }
    lines
}

/// Returns the outcome of a call as a text that can be compared.
async fn outcome(world: &World, method: &str, token: Option<&str>, request: Value) -> String {
    match world.call(method, token, request).await {
        Ok(answer) => answer.to_string(),
        Err(status) => said(&status),
    }
}

/// Returns the method that ended this caller's account after the token was issued.
fn end(who: Who) -> Option<&'static str> {
    match who {
        Who::Deleted => Some(DELETE_USER),
        Who::Disabled => Some(DISABLE_USER),
        _ => None,
    }
}

/// Returns a user whose newest token contains this role.
async fn with_role(world: &World, role: &str) -> Person {
    let mut person = world.person().await;
    world.call(SET_USER_ROLES, Some(&world.root), json!({"id": person.id, "roles": [role]})).await.unwrap();
    person.tokens.push(world.login(&person.email, PASSWORD).await.unwrap());
    person
}

/// Returns the id of the token's session.
async fn session(world: &World, token: &str) -> String {
    let introspection = world.call(VERIFY, None, json!({"token": token})).await.unwrap();
    text(&introspection, "/claims/sessionId").to_owned()
}
