//! Rotation of keys by the clock, and retirement of keys by an operator's command.

use std::fs;
use std::time::Duration;

use auth_service::domain::{AuditFilter, AuditKind, Revocation};
use auth_service::keys::model::{Key, KeyType};
use auth_service::keys::rotation::{Keyring, KeyringError};
use auth_service::keys::storage::{KeyStorage, SigningKeyError};
use kit::Clock;
use testkit::{clock, folder, on_both_engines, start};

use crate::ring::{Case, OTHERS, OURS, document, file_in, id_of, listed, logged, master, ring, sealed, signs};

const LEAD: Duration = Duration::from_mins(10);

/// A day, plus the allowed difference of clocks.
const VERIFIES: Duration = Duration::from_mins(24 * 60 + 1);

const SECOND: Duration = Duration::from_secs(1);

/// The next key is listed before it signs. The old one verifies until its last token has expired.
async fn successor_is_listed_before_it_signs(store: Case) {
    let ring = ring(&store, &clock(), sealed()).await;
    let first = signs(&ring, start());
    let sign_time = start() + LEAD;
    let next = ring.rotate(document(), sign_time).await.unwrap().unwrap();
    ring.read().await.unwrap();
    let both = [first.clone(), next.id.clone()];
    assert_eq!((signs(&ring, start()), listed(&ring, start())), (first.clone(), both.to_vec()));
    assert_eq!(signs(&ring, sign_time - SECOND), first);
    let turned = vec![next.id.clone(), first];
    assert_eq!((signs(&ring, sign_time), listed(&ring, sign_time)), (next.id.clone(), turned.clone()));
    assert_eq!(listed(&ring, sign_time + VERIFIES - SECOND), turned);
    assert_eq!(listed(&ring, sign_time + VERIFIES), [next.id]);
    assert_eq!(logged(&store).await, [Revocation::NewSigningKeys, Revocation::NewSigningKeys]);
}

async fn replicas_agree_on_keys_and_signer(store: Case) {
    let (here, there) = (ring(&store, &clock(), sealed()).await, ring(&store, &clock(), sealed()).await);
    assert_eq!(signs(&here, start()), signs(&there, start()));
    let next = here.rotate(document(), start() + LEAD).await.unwrap().unwrap();
    there.read().await.unwrap();
    for replica in [&here, &there] {
        replica.read().await.unwrap();
        assert_ne!(signs(replica, start()), next.id);
        assert_eq!(signs(replica, start() + LEAD), next.id);
    }
}

async fn one_of_two_replicas_that_rotate_at_once_wins(store: Case) {
    let (here, there) = (ring(&store, &clock(), sealed()).await, ring(&store, &clock(), sealed()).await);
    let (one, other) = tokio::join!(here.rotate(document(), start() + LEAD), there.rotate(document(), start() + LEAD));
    // The later replica finds the other's key, or its insert fails because of that key.
    let count = |outcome: &Result<Option<_>, KeyringError>| matches!(outcome, Ok(Some(_)));
    assert_eq!(usize::from(count(&one)) + usize::from(count(&other)), 1);
    for lost in [one, other].into_iter().filter(|outcome| !count(outcome)) {
        assert!(matches!(lost, Ok(None) | Err(KeyringError::Waiting { .. })));
    }
    assert_eq!(here.list().await.unwrap().len(), 2);
    assert!(matches!(here.rotate(document(), start() + LEAD).await, Err(KeyringError::Waiting { .. })));
}

async fn key_in_the_set_or_killed_is_not_added_again(store: Case) {
    let ring = ring(&store, &clock(), sealed()).await;
    let (leaked, other) = (document(), document());
    ring.rotate(leaked.clone(), start()).await.unwrap().unwrap();
    assert!(matches!(ring.rotate(leaked.clone(), start()).await, Err(KeyringError::Known(_))));
    ring.retire(&id_of(&leaked), other.clone(), false).await.unwrap();
    assert!(matches!(ring.rotate(leaked, start()).await, Err(KeyringError::Killed(_))));
    ring.read().await.unwrap();
    assert_eq!(signs(&ring, start()), id_of(&other));
}

async fn next_key_is_sealed_by_the_shared_master_key(store: Case) {
    let running = ring(&store, &clock(), sealed()).await;
    let other = Keyring::new(store.clone(), clock(), KeyStorage::Sealed { master: master(OTHERS), file: None });
    assert_eq!(other.reseal(&master(OURS)).await.unwrap(), 1);
    // This replica still signs with its opened key. It adds no key that only the old master key could open.
    running.read().await.unwrap();
    signs(&running, start());
    let refused = running.rotate(document(), start() + LEAD).await;
    assert!(matches!(refused, Err(KeyringError::Key(SigningKeyError::OtherMasterKey))));
    assert_eq!(running.list().await.unwrap().len(), 1);
}

async fn keys_held_elsewhere_are_neither_added_nor_killed(store: Case) {
    let folder = folder();
    let file = file_in(folder.path());
    let filed = ring(&store, &clock(), KeyStorage::File(file.clone())).await;
    let first = signs(&filed, start());
    let elsewhere =
        Keyring::new(store.clone(), clock(), KeyStorage::Sealed { master: master(OURS), file: Some(file.clone()) });
    let is_unsealed =
        |error: Option<KeyringError>| matches!(error, Some(KeyringError::Key(SigningKeyError::Unsealed { .. })));
    assert!(is_unsealed(elsewhere.rotate(document(), start()).await.err()));
    assert!(is_unsealed(elsewhere.retire(&first, document(), true).await.err()));
    elsewhere.begin(KeyType::default()).await.unwrap();
    let has_no_master =
        |error: Option<KeyringError>| matches!(error, Some(KeyringError::Key(SigningKeyError::NoMasterKey)));
    let filed = Keyring::new(store.clone(), clock(), KeyStorage::File(file));
    assert!(has_no_master(filed.rotate(document(), start()).await.err()));
    assert!(has_no_master(filed.retire(&first, document(), true).await.err()));
    assert_eq!(filed.list().await.unwrap().len(), 1);
}

async fn key_of_each_type_follows_each_type(store: Case) {
    let clock = clock();
    let ring = ring(&store, &clock, sealed()).await;
    for of in KeyType::ALL {
        let now = clock.now();
        let next = ring.rotate(Key::generate_pkcs8(of).unwrap(), now).await.unwrap().unwrap();
        ring.read().await.unwrap();
        assert_eq!(next.algorithm, of.algorithm().name());
        let set = ring.keys().at(now);
        assert_eq!(
            (set.signing().unwrap().id(), set.signing().unwrap().algorithm()),
            (next.id.as_str(), of.algorithm())
        );
        clock.advance(LEAD);
    }
    assert_eq!(listed(&ring, clock.now()).len(), 4);
}

async fn killed_key_is_gone_at_once_and_another_signs(store: Case) {
    let folder = folder();
    for storage in [sealed(), KeyStorage::File(file_in(folder.path()))] {
        store.database.run("delete from signing_keys").await;
        let is_filed = matches!(storage, KeyStorage::File(_));
        let ring = ring(&store, &clock(), storage).await;
        let first = signs(&ring, start());
        let successor = document();
        ring.retire(&first, successor.clone(), false).await.unwrap();
        ring.read().await.unwrap();
        assert_eq!(listed(&ring, start()), [id_of(&successor)]);
        assert_eq!(signs(&ring, start()), id_of(&successor));
        assert_eq!(logged(&store).await.last(), Some(&Revocation::SigningKey(first.clone())));
        ring.tidy().await.unwrap();
        if is_filed {
            let kept = file_in(folder.path()).read().unwrap();
            assert_eq!(kept.iter().map(|filed| filed.key.id()).collect::<Vec<_>>(), [id_of(&successor)]);
        }
        assert!(matches!(ring.retire(&first, document(), false).await, Err(KeyringError::Unknown(_))));
    }
}

async fn waiting_key_signs_when_the_signer_is_killed(store: Case) {
    let ring = ring(&store, &clock(), sealed()).await;
    let first = signs(&ring, start());
    let next = ring.rotate(document(), start() + LEAD).await.unwrap().unwrap();
    ring.retire(&first, document(), false).await.unwrap();
    ring.read().await.unwrap();
    assert_eq!((signs(&ring, start()), listed(&ring, start())), (next.id.clone(), vec![next.id.clone()]));
    // This holds for the last key too, although its time to sign has not come.
    let successor = document();
    ring.retire(&next.id, successor.clone(), false).await.unwrap();
    ring.read().await.unwrap();
    assert_eq!(listed(&ring, start()), [id_of(&successor)]);
}

/// A wrong clock has delayed the next key for a year. A key that signs soon replaces it.
async fn key_delayed_for_a_year_is_replaced_soon(store: Case) {
    let ring = ring(&store, &clock(), sealed()).await;
    let year = start() + Duration::from_hours(24 * 365);
    let far = ring.rotate(document(), year).await.unwrap().unwrap();
    let soon = document();
    ring.retire(&far.id, soon.clone(), false).await.unwrap();
    ring.read().await.unwrap();
    assert_ne!(signs(&ring, start()), id_of(&soon));
    assert_eq!(signs(&ring, start() + Duration::from_hours(24 * 7)), id_of(&soon));
}

/// The private half is kept for an hour after the retirement, and the key as long as its tokens live.
async fn private_half_is_kept_an_hour_and_key_a_day(store: Case) {
    let folder = folder();
    for storage in [sealed(), KeyStorage::File(file_in(folder.path()))] {
        store.database.run("delete from signing_keys").await;
        let (clock, is_filed) = (clock(), matches!(storage, KeyStorage::File(_)));
        let ring = ring(&store, &clock, storage).await;
        let first = signs(&ring, start());
        let next = ring.rotate(document(), start() + LEAD).await.unwrap().unwrap();
        let halves = async || -> Vec<String> {
            if is_filed {
                let filed = file_in(folder.path()).read().unwrap();
                return filed.iter().map(|filed| filed.key.id().to_owned()).collect();
            }
            let rows = store.signing_keys().await.unwrap();
            rows.into_iter().filter(|row| row.sealed.is_some()).map(|row| row.record.id).collect()
        };
        clock.advance(LEAD + Duration::from_secs(3599));
        ring.tidy().await.unwrap();
        assert_eq!(halves().await, [first.clone(), next.id.clone()]);
        clock.advance(SECOND);
        ring.tidy().await.unwrap();
        assert_eq!(halves().await, std::slice::from_ref(&next.id));
        ring.read().await.unwrap();
        assert_eq!(listed(&ring, clock.now()), [next.id.clone(), first], "the old key still verifies");
        clock.advance(VERIFIES);
        ring.tidy().await.unwrap();
        assert_eq!(ring.list().await.unwrap().len(), 1);
        ring.read().await.unwrap();
        assert_eq!((signs(&ring, clock.now()), listed(&ring, clock.now())), (next.id.clone(), vec![next.id]));
    }
}

/// A key without a row is removed from the file. The other keys stay.
async fn key_without_a_row_leaves_the_file(store: Case) {
    let folder = folder();
    let file = file_in(folder.path());
    let ring = ring(&store, &clock(), KeyStorage::File(file.clone())).await;
    let first = signs(&ring, start());
    // The state after a power failure between the write of the file and the write of the row.
    let lock = file.lock().await.unwrap();
    file.add(&document(), &lock).unwrap();
    drop(lock);
    ring.tidy().await.unwrap();
    assert_eq!(file.read().unwrap().iter().map(|filed| filed.key.id()).collect::<Vec<_>>(), [first]);
}

async fn master_key_is_replaced_while_services_run(store: Case) {
    let running = ring(&store, &clock(), sealed()).await;
    running.rotate(document(), start() + LEAD).await.unwrap().unwrap();
    running.read().await.unwrap();
    let sealed_by = |text| KeyStorage::Sealed { master: master(text), file: None };
    let ours = || Keyring::new(store.clone(), Clock::manual(start()), sealed_by(OTHERS));
    assert!(matches!(ours().reseal(&master(OTHERS)).await, Err(KeyringError::OldMasterKey)));
    assert_eq!(ours().reseal(&master(OURS)).await.unwrap(), 2);
    assert_eq!(ours().reseal(&master(OURS)).await.unwrap(), 0, "a second run after a killed one");
    let after = ring(&store, &clock(), sealed_by(OTHERS)).await;
    assert_eq!(listed(&after, start()), listed(&running, start()));
    // Running services have opened the keys already.
    running.read().await.unwrap();
    assert_eq!(signs(&running, start() + LEAD), signs(&after, start() + LEAD));
    let refused = Keyring::new(store.clone(), clock(), sealed()).begin(KeyType::default()).await;
    assert!(matches!(refused, Err(KeyringError::Key(SigningKeyError::OtherMasterKey))));
}

/// The audit log has each change of the keys, with the party that made it.
async fn changes_of_keys_are_recorded(store: Case) {
    let clock = clock();
    let ring = ring(&store, &clock, sealed()).await.by_operator();
    let first = signs(&ring, start());
    let mut changes = vec![(AuditKind::SigningKeyAdded, "system", format!("key:{first}"))];
    clock.advance(SECOND);
    let next = ring.rotate(document(), start() + LEAD).await.unwrap().unwrap().id;
    changes.push((AuditKind::SigningKeyAdded, "operator", format!("key:{next}")));
    assert!(matches!(ring.rotate(document(), start() + LEAD).await, Err(KeyringError::Waiting { .. })));
    clock.advance(SECOND);
    ring.retire(&next, document(), false).await.unwrap();
    changes.push((AuditKind::SigningKeyRetired, "operator", format!("key:{next}")));
    clock.advance(SECOND);
    let resealed = KeyStorage::Sealed { master: master(OTHERS), file: None };
    let resealing = Keyring::new(store.clone(), clock.clone(), resealed).by_operator();
    assert_eq!(resealing.reseal(&master(OURS)).await.unwrap(), 2);
    assert_eq!(resealing.reseal(&master(OURS)).await.unwrap(), 0, "a second run changes nothing");
    changes.push((AuditKind::SigningKeysResealed, "operator", String::new()));
    let mut events = store.list_audit_events(&AuditFilter::default(), None, 100).await.unwrap();
    events.reverse();
    let recorded = events.iter().map(|event| (event.kind.unwrap(), event.actor.as_str(), event.subject.clone()));
    assert_eq!(recorded.collect::<Vec<_>>(), changes);
    assert_eq!((events[2].detail.starts_with("successor="), events[3].detail.as_str()), (true, "keys=2"));
}

/// A wrong master key adds and kills no key, unless the right one is declared lost.
async fn wrong_master_key_adds_and_kills_no_key(store: Case) {
    let first = signs(&ring(&store, &clock(), sealed()).await, start());
    let wrong = Keyring::new(store.clone(), clock(), KeyStorage::Sealed { master: master(OTHERS), file: None });
    let is_refused =
        |error: Option<KeyringError>| matches!(error, Some(KeyringError::Key(SigningKeyError::OtherMasterKey)));
    assert!(is_refused(wrong.rotate(document(), start() + LEAD).await.err()));
    assert!(is_refused(wrong.retire(&first, document(), false).await.err()));
    assert_eq!(wrong.list().await.unwrap().len(), 1);
    let successor = document();
    wrong.retire(&first, successor.clone(), true).await.unwrap();
    wrong.begin(KeyType::default()).await.unwrap();
    assert_eq!(listed(&wrong, start()), [id_of(&successor)]);
}

/// A replica that cannot open the next key verifies with it and does not sign.
async fn unopened_next_key_verifies_but_does_not_sign(store: Case) {
    let here = ring(&store, &clock(), sealed()).await;
    let first = signs(&here, start());
    let next = here.rotate(document(), start() + LEAD).await.unwrap().unwrap();
    store.database.run(&format!("update signing_keys set sealed = null where id = '{}'", next.id)).await;
    here.read().await.unwrap();
    // This replica made the key and has it open; the other one does not.
    assert_eq!(signs(&here, start() + LEAD), next.id);
    let there = Keyring::new(store.clone(), clock(), sealed());
    let refused = there.begin(KeyType::default()).await;
    assert!(matches!(refused, Err(KeyringError::Key(SigningKeyError::Gone(_)))));
    there.read().await.unwrap();
    assert_eq!(signs(&there, start()), first);
    assert_eq!(listed(&there, start() + LEAD), [next.id, first]);
    assert!(there.keys().at(start() + LEAD).signing().is_none());
}

async fn database_holds_no_private_half_in_plaintext(store: Case) {
    let ring = ring(&store, &clock(), sealed()).await;
    let next = document();
    ring.rotate(next.clone(), start() + LEAD).await.unwrap().unwrap();
    for row in store.signing_keys().await.unwrap() {
        let sealed = row.sealed.unwrap();
        let secret = &next[next.len() - 32..];
        assert!(!sealed.windows(16).any(|window| secret.windows(16).any(|part| part == window)), "{}", row.record.id);
        assert!(Key::from_pkcs8(&sealed).is_none());
    }
    if let Some(path) = store.database.url.path() {
        let data = fs::read(path.with_extension("db-wal")).unwrap_or_default();
        let secret = &next[next.len() - 16..];
        assert!(!data.windows(16).any(|window| window == secret));
    }
}

on_both_engines!(crate::ring::Case:
    successor_is_listed_before_it_signs,
    replicas_agree_on_keys_and_signer,
    one_of_two_replicas_that_rotate_at_once_wins,
    key_of_each_type_follows_each_type,
    key_in_the_set_or_killed_is_not_added_again,
    next_key_is_sealed_by_the_shared_master_key,
    keys_held_elsewhere_are_neither_added_nor_killed,
    killed_key_is_gone_at_once_and_another_signs,
    waiting_key_signs_when_the_signer_is_killed,
    key_delayed_for_a_year_is_replaced_soon,
    private_half_is_kept_an_hour_and_key_a_day,
    key_without_a_row_leaves_the_file,
    master_key_is_replaced_while_services_run,
    changes_of_keys_are_recorded,
    wrong_master_key_adds_and_kills_no_key,
    unopened_next_key_verifies_but_does_not_sign,
    database_holds_no_private_half_in_plaintext,
);
