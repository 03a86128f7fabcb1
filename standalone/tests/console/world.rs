//! A service with an admin, and the two ways to its accounts.

use super::outsider::Home;
use super::pair::PASSWORD;
use super::person::Person;
use super::service::{SEALED, Service, Which};

pub(super) const ROOT: &str = "root@example.com";
pub(super) const ADA: &str = "ada@example.com";

/// Settings of the service. The last one locks an account for a day.
const SETTINGS: [(&str, &str); 5] = [
    SEALED[0],
    ("AUTH_ADMIN_EMAIL", ROOT),
    ("AUTH_ADMIN_PASSWORD", PASSWORD),
    ("AUTH_REGISTRATION", "closed"),
    ("AUTH_MOST_FAILURES", "4"),
];

/// A database, and the service on it while one runs.
pub(super) struct World {
    pub(super) home: Home,
    pub(super) settings: Vec<(&'static str, &'static str)>,
    service: Option<Service>,
    url: String,
}

impl World {
    /// Starts a service with an admin on each engine.
    pub(super) async fn all() -> Vec<Self> {
        Home::all().await.into_iter().map(|home| Self::start(home, &[])).collect()
    }

    /// Starts a service on a new file, with further settings.
    pub(super) fn on_file(settings: &[(&'static str, &'static str)]) -> Self {
        Self::start(Home::File(tempfile::tempdir().unwrap()), settings)
    }

    fn start(home: Home, settings: &[(&'static str, &'static str)]) -> Self {
        let settings = [&SETTINGS, settings].concat();
        let mut world = Self { home, settings, service: None, url: String::new() };
        world.serve();
        world
    }

    /// Starts the service again.
    pub(super) fn serve(&mut self) {
        let mut service = Service::start_with(Which::Auth, &self.home.url(), &self.settings);
        self.url = format!("http://{}", service.serves());
        self.service = Some(service);
    }

    /// Starts the service again at the same address.
    pub(super) fn serve_again(&mut self) {
        let address = self.url.trim_start_matches("http://").to_owned();
        let mut command = super::service::command_at(Which::Auth, &self.home.url(), &address);
        let mut service = Service::spawn(command.envs(self.settings.iter().copied()), vec![PASSWORD.to_owned()]);
        service.serves();
        self.service = Some(service);
    }

    /// Returns the URL of the service.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Stops the service.
    pub(super) fn stop(&mut self) {
        self.service.take().unwrap().stop();
    }

    /// Kills the service.
    pub(super) fn kill(&mut self) {
        drop(self.service.take().unwrap());
    }

    /// Returns a person who is logged in as this user.
    #[track_caller]
    pub(super) fn person(&self, email: &str) -> Person {
        let person = Person::new();
        person.log_in(&self.url, email, PASSWORD);
        person
    }

    /// Returns an operator who works on the database.
    pub(super) fn operator(&self) -> Person {
        let mut operator = Person::new();
        operator.variables = vec![("AUTH_DATABASE_URL", self.home.url()), ("AUTH_MOST_FAILURES", "4".into())];
        operator
    }
}
