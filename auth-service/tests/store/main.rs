//! The store's methods on a real database: rows, transactions, races.

#[cfg(test)]
mod crud {
    use auth_service::store::{Created, Standing};
    use kit::testing::start;
    use uuid::Uuid;

    use super::support::{case, new_user, session};
    use auth_service::domain::{Client, UserState};

    #[tokio::test]
    async fn a_user_is_found_by_id_and_by_the_emails_canonical_form() {
        let (store, _folder) = case().await;
        let new = new_user(1, "Ada@Example.com");
        let Created::User(user) = store.create_user(&new, None, None).await.unwrap() else {
            panic!("the email is free")
        };
        assert_eq!((user.id, user.email.as_str(), user.generation, user.revision), (new.id, "Ada@Example.com", 1, 1));
        assert_eq!((user.create_time, user.update_time), (start(), start()));
        assert_eq!(store.user(new.id).await.unwrap().as_ref(), Some(&*user));
        let found = store.credentials("ada@example.com").await.unwrap().unwrap();
        assert_eq!((found.user, found.password_hash), (*user, new.password_hash));
        assert!(store.user(Uuid::from_u128(9)).await.unwrap().is_none());
        assert!(store.credentials("Ada@Example.com").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_session_lives_until_it_is_ended() {
        let (store, _folder) = case().await;
        let user = new_user(1, "ada@example.com");
        let (first, second) = (session(10, &user), session(11, &user));
        store.create_user(&user, Some((&first, &Client::default())), None).await.unwrap();
        assert!(store.create_session(&second, &Client::default()).await.unwrap());
        let lives = Standing { state: UserState::Active, generation: 1, session_lives: true };
        let ended = Standing { session_lives: false, ..lives };
        for _ in 0..2 {
            store.end_session(first.id, start()).await.unwrap();
            assert_eq!(store.standing(user.id, first.id).await.unwrap(), Some(ended));
        }
        assert_eq!(store.standing(user.id, second.id).await.unwrap(), Some(lives));
        assert_eq!(store.standing(user.id, Uuid::from_u128(99)).await.unwrap(), Some(ended), "no such session");
        assert_eq!(store.standing(Uuid::from_u128(99), first.id).await.unwrap(), None, "no such user");
    }

    #[tokio::test]
    async fn another_users_session_is_none_of_ones_own() {
        let (store, _folder) = case().await;
        let (ada, bob) = (new_user(1, "ada@example.com"), new_user(2, "bob@example.com"));
        let session = session(10, &ada);
        store.create_user(&ada, Some((&session, &Client::default())), None).await.unwrap();
        store.create_user(&bob, None, None).await.unwrap();
        assert!(!store.standing(bob.id, session.id).await.unwrap().unwrap().session_lives);
    }
}

#[cfg(test)]
mod transaction {
    use auth_service::domain::Client;
    use auth_service::store::Created;

    use super::support::{case, new_user, session};

    #[tokio::test]
    async fn a_taken_email_leaves_neither_user_nor_session() {
        let (store, _folder) = case().await;
        store.create_user(&new_user(1, "ada@example.com"), None, None).await.unwrap();
        let late = new_user(2, "ADA@example.com");
        let session = session(10, &late);
        assert_eq!(
            store.create_user(&late, Some((&session, &Client::default())), None).await.unwrap(),
            Created::EmailTaken
        );
        assert!(store.user(late.id).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_failed_session_leaves_no_user() {
        let (store, _folder) = case().await;
        let (ada, nobody) = (new_user(1, "ada@example.com"), new_user(2, "nobody@example.com"));
        // The session of a user who has no row breaks the foreign key.
        assert!(store.create_user(&ada, Some((&session(10, &nobody), &Client::default())), None).await.is_err());
        assert!(store.user(ada.id).await.unwrap().is_none());
        assert!(
            matches!(store.create_user(&ada, None, None).await.unwrap(), Created::User(_)),
            "and the store works on"
        );
    }
}

#[cfg(test)]
mod concurrent {
    use auth_service::store::Created;
    use tokio::task::JoinSet;

    use super::support::{case, new_user};

    #[tokio::test(flavor = "multi_thread")]
    async fn c61_of_a_hundred_registrations_of_one_email_exactly_one_wins() {
        let (store, _folder) = case().await;
        let mut all = JoinSet::new();
        for id in 0..100 {
            let store = store.clone();
            all.spawn(async move { store.create_user(&new_user(id, "ada@example.com"), None, None).await });
        }
        let mut won = 0;
        while let Some(created) = all.join_next().await {
            match created.unwrap() {
                Ok(Created::User(_)) => won += 1,
                Ok(Created::EmailTaken | Created::Repeated) | Err(auth_service::store::StoreError::Unavailable(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(won, 1);
    }
}

#[cfg(test)]
mod support {
    use std::time::Duration;

    use auth_service::domain::{Email, Name, NewUser, Roles, Session};
    use auth_service::store::{DatabaseUrl, Store};
    use kit::testing::{folder, start};
    use tempfile::TempDir;
    use uuid::Uuid;

    pub(crate) async fn case() -> (Store, TempDir) {
        let folder = folder();
        (Store::open(&DatabaseUrl::file(folder.path().join("auth.db"))).await.unwrap(), folder)
    }

    pub(crate) fn new_user(id: u128, email: &str) -> NewUser {
        NewUser {
            id: Uuid::from_u128(id),
            name: Name::parse("Ada").unwrap(),
            email: Email::parse(email).unwrap(),
            password_hash: "$argon2id$".into(),
            roles: Roles::default(),
            create_time: start(),
        }
    }

    pub(crate) fn session(id: u128, user: &NewUser) -> Session {
        Session {
            id: Uuid::from_u128(id),
            user_id: user.id,
            generation: 1,
            create_time: start(),
            expire_time: start() + Duration::from_hours(24 * 30),
        }
    }
}
