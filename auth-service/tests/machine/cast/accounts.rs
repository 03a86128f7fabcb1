//! Calls that add, find and change users.

use auth_service::domain::{Client, Email, Name, NewUser, RefreshDigest, Role, Roles, Session, UserChange, UserId};
use auth_service::store::{Filter, PasswordProof};
use chrono::TimeDelta;

use super::super::calls::{Call, ChangeCall, UserCall};
use super::super::model::Model;
use super::super::pools::{EMAILS, HASHES, LIMITS, LIVES, NAMES, PEERS, ROLES, STATES, USER_AGENTS, WANTED_ROLES};
use super::super::steps::Method;
use super::{Cast, Dice};

impl Cast {
    pub(super) fn call_for_users(&mut self, method: Method, dice: &mut Dice, model: &Model) -> Call {
        let now = self.now;
        match method {
            Method::CreateUser => Call::Users(self.create_user(dice)),
            Method::User => Call::Users(UserCall::User { id: self.user(dice) }),
            Method::Users => {
                // Up to nine users: one statement reads fewer, so a call may need two.
                let (first, count) = (usize::from(dice.roll()), usize::from(dice.roll()) % 10);
                let ids = (0..count).map(|next| self.users[(first + next) % self.users.len()]).collect();
                Call::Users(UserCall::Users { ids })
            }
            Method::CredentialsOf => Call::Users(UserCall::CredentialsOf { id: self.user(dice) }),
            Method::Credentials => Call::Users(UserCall::Credentials { email_key: email_key(dice) }),
            Method::ListUsers => Call::Users(UserCall::List {
                filter: filter(dice),
                after: dice.one_in(2).then(|| self.user(dice)),
                limit: dice.of(&LIMITS),
            }),
            Method::UpdateUser => Call::Changes(self.update_user(dice, model)),
            Method::SetRoles => {
                let id = self.user(dice);
                let (roles, expected) = (roles(dice), expected(id, dice, model));
                Call::Changes(ChangeCall::SetRoles { id, roles, expected, now })
            }
            Method::SetState => {
                let id = self.user(dice);
                // Active in most cases, so that later calls have an effect.
                let state = STATES[usize::from(dice.one_in(3))];
                Call::Changes(ChangeCall::SetState { id, state, expected: expected(id, dice, model), now })
            }
            Method::ChangePassword => Call::Changes(self.change_password(dice, model)),
            Method::EndAllSessions => Call::Changes(ChangeCall::EndAllSessions { user_id: self.user(dice) }),
            _ => {
                let id = self.user(dice);
                Call::Changes(ChangeCall::Delete { id, expected: expected(id, dice, model), now })
            }
        }
    }

    /// Returns a user's id; the user may be deleted or may never have existed.
    pub(super) fn user(&self, dice: &mut Dice) -> UserId {
        dice.of(&self.users)
    }

    fn create_user(&mut self, dice: &mut Dice) -> UserCall {
        let new = Box::new(NewUser {
            id: self.fresh(dice.roll()),
            name: Name::parse(dice.of(&NAMES)).unwrap(),
            email: Email::parse(dice.of(&EMAILS)).unwrap(),
            password_hash: dice.of(&HASHES).to_owned(),
            roles: roles(dice),
            create_time: self.now,
        });
        let place = usize::from(dice.roll()) % self.users.len();
        self.users[place] = new.id;
        let first = dice.one_in(2).then(|| Box::new(self.session(new.id, 1, dice)));
        let request = dice.one_in(2).then(|| self.request(dice));
        UserCall::Create { new, first, request }
    }

    fn update_user(&self, dice: &mut Dice, model: &Model) -> ChangeCall {
        let id = self.user(dice);
        let change = UserChange {
            name: dice.one_in(2).then(|| Name::parse(dice.of(&NAMES)).unwrap()),
            email: dice.one_in(2).then(|| Email::parse(dice.of(&EMAILS)).unwrap()),
        };
        let proof = match dice.roll() % 4 {
            0 | 1 => None,
            // The user's own password, or that of another user who makes the change.
            own => {
                let user_id = if own == 2 { id } else { self.user(dice) };
                Some(PasswordProof { user_id, generation: generation(user_id, dice, model) })
            }
        };
        ChangeCall::Update { id, change, proof, expected: expected(id, dice, model), now: self.now }
    }

    fn change_password(&mut self, dice: &mut Dice, model: &Model) -> ChangeCall {
        let user_id = self.user(dice);
        let generation = generation(user_id, dice, model);
        let password_hash = dice.of(&HASHES).to_owned();
        let (session, client) = self.session(user_id, generation + 1, dice);
        ChangeCall::ChangePassword { generation, password_hash, session, client }
    }

    /// Returns a session to create. Uses two dice of the step.
    pub(super) fn session(&mut self, user_id: UserId, generation: i32, dice: &mut Dice) -> (Session, Client) {
        let (rolled, place) = (dice.roll(), usize::from(dice.roll()) % self.sessions.len());
        let id = self.fresh(rolled);
        self.sessions[place] = id;
        let life = LIVES[usize::from(rolled) % LIVES.len()];
        let client = Client {
            peer: PEERS[usize::from(rolled / 5) % PEERS.len()].to_owned(),
            user_agent: USER_AGENTS[usize::from(rolled / 64) % USER_AGENTS.len()].to_owned(),
        };
        let over = self.now + life;
        let digest = (!rolled.is_multiple_of(8)).then_some(RefreshDigest([rolled; 32]));
        let session = Session {
            id,
            user_id,
            generation,
            create_time: self.now,
            expire_time: over + TimeDelta::hours(1),
            refresh_digest: digest,
            idle_expire_time: over,
            over_time: over,
        };
        (session, client)
    }
}

fn roles(dice: &mut Dice) -> Roles {
    let words: Vec<String> = dice.of(&ROLES).iter().map(|&word| word.to_owned()).collect();
    Roles::parse(&words).unwrap()
}

/// Returns an email's canonical form. Sometimes returns the email as given, which is a mistake of the caller.
pub(super) fn email_key(dice: &mut Dice) -> String {
    let given = dice.of(&EMAILS);
    if dice.one_in(4) { given.to_owned() } else { Email::parse(given).unwrap().key().to_owned() }
}

fn filter(dice: &mut Dice) -> Filter {
    let which = dice.roll();
    Filter {
        email_key: (which & 7 > 4).then(|| email_key(dice)),
        role: (which & 8 > 0).then(|| Role::parse(dice.of(&WANTED_ROLES)).unwrap()),
        state: (which & 16 > 0).then(|| dice.of(&STATES)),
    }
}

/// Returns the revision of the user, one next to it, or `None`.
fn expected(id: UserId, dice: &mut Dice, model: &Model) -> Option<i32> {
    let revision = model.users.get(&id).map_or(1, |row| row.user.revision);
    dice.of(&[None, None, Some(revision), Some(revision), Some(revision), Some(revision - 1), Some(revision + 1)])
}

/// Returns the generation of the user, or one next to it.
pub(super) fn generation(id: UserId, dice: &mut Dice, model: &Model) -> i32 {
    let generation = model.users.get(&id).map_or(1, |row| row.user.generation);
    generation + dice.of(&[0, 0, 0, 0, -1, -1, 1, -2])
}
