//! One key follows another by the clock, and is killed whatever the clock says.

use std::fs;
use std::time::Duration;

use auth_service::domain::Revocation;
use auth_service::keys::model::{Key, KeyType};
use auth_service::keys::rotation::{Keyring, KeyringError};
use auth_service::keys::storage::{KeyStorage, SigningKeyError};
use kit::Clock;
use kit::testing::{clock, folder, on_both_engines, start};

use crate::ring::{Case, OTHERS, OURS, document, file_in, id_of, listed, logged, master, ring, sealed, signs};

const LEAD: Duration = Duration::from_mins(10);

/// A day, and what clocks may be apart.
const VERIFIES: Duration = Duration::from_mins(24 * 60 + 1);

const SECOND: Duration = Duration::from_secs(1);

async fn the_next_key_is_listed_before_it_signs_and_the_old_one_verifies_until_its_last_token_is_dead(store: Case) {
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

async fn replicas_share_the_set_and_agree_on_who_signs(store: Case) {
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

async fn of_two_replicas_that_rotate_at_once_one_does(store: Case) {
    let (here, there) = (ring(&store, &clock(), sealed()).await, ring(&store, &clock(), sealed()).await);
    let (one, other) = tokio::join!(here.rotate(document(), start() + LEAD), there.rotate(document(), start() + LEAD));
    // The later one finds the key of the other, or loses to it at the last moment.
    let count = |outcome: &Result<Option<_>, KeyringError>| matches!(outcome, Ok(Some(_)));
    assert_eq!(usize::from(count(&one)) + usize::from(count(&other)), 1);
    for lost in [one, other].into_iter().filter(|outcome| !count(outcome)) {
        assert!(matches!(lost, Ok(None) | Err(KeyringError::Waiting { .. })));
    }
    assert_eq!(here.list().await.unwrap().len(), 2);
    assert!(matches!(here.rotate(document(), start() + LEAD).await, Err(KeyringError::Waiting { .. })));
}

async fn a_key_that_is_in_the_set_or_was_killed_does_not_come_in_again(store: Case) {
    let ring = ring(&store, &clock(), sealed()).await;
    let (leaked, other) = (document(), document());
    ring.rotate(leaked.clone(), start()).await.unwrap().unwrap();
    assert!(matches!(ring.rotate(leaked.clone(), start()).await, Err(KeyringError::Known(_))));
    ring.retire(&id_of(&leaked), other.clone(), false).await.unwrap();
    assert!(matches!(ring.rotate(leaked, start()).await, Err(KeyringError::Killed(_))));
    ring.read().await.unwrap();
    assert_eq!(signs(&ring, start()), id_of(&other));
}

async fn what_seals_the_next_key_is_what_the_others_have(store: Case) {
    let running = ring(&store, &clock(), sealed()).await;
    let anew = Keyring::new(store.clone(), clock(), KeyStorage::Sealed { master: master(OTHERS), file: None });
    assert_eq!(anew.reseal(&master(OURS)).await.unwrap(), 1);
    // It signs on with what it has open, and adds nothing that only the old master key opens.
    running.read().await.unwrap();
    signs(&running, start());
    let refused = running.rotate(document(), start() + LEAD).await;
    assert!(matches!(refused, Err(KeyringError::Key(SigningKeyError::OtherMasterKey))));
    assert_eq!(running.list().await.unwrap().len(), 1);
}

async fn keys_are_neither_added_nor_killed_by_whoever_keeps_them_elsewhere(store: Case) {
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

async fn each_type_follows_each(store: Case) {
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

async fn a_key_that_is_killed_is_gone_at_once_and_another_one_signs(store: Case) {
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

async fn the_key_that_waits_signs_at_once_when_the_one_before_it_is_killed(store: Case) {
    let ring = ring(&store, &clock(), sealed()).await;
    let first = signs(&ring, start());
    let next = ring.rotate(document(), start() + LEAD).await.unwrap().unwrap();
    ring.retire(&first, document(), false).await.unwrap();
    ring.read().await.unwrap();
    assert_eq!((signs(&ring, start()), listed(&ring, start())), (next.id.clone(), vec![next.id.clone()]));
    // And the last one, though it does not sign yet by its time.
    let successor = document();
    ring.retire(&next.id, successor.clone(), false).await.unwrap();
    ring.read().await.unwrap();
    assert_eq!(listed(&ring, start()), [id_of(&successor)]);
}

async fn a_key_that_a_wrong_clock_has_put_off_for_a_year_is_replaced_by_one_that_comes_soon(store: Case) {
    let ring = ring(&store, &clock(), sealed()).await;
    let year = start() + Duration::from_hours(24 * 365);
    let far = ring.rotate(document(), year).await.unwrap().unwrap();
    let soon = document();
    ring.retire(&far.id, soon.clone(), false).await.unwrap();
    ring.read().await.unwrap();
    assert_ne!(signs(&ring, start()), id_of(&soon));
    assert_eq!(signs(&ring, start() + Duration::from_hours(24 * 7)), id_of(&soon));
}

async fn a_private_half_is_kept_for_an_hour_and_a_key_for_as_long_as_its_tokens(store: Case) {
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
            rows.into_iter().filter(|(_, sealed)| sealed.is_some()).map(|(record, _)| record.id).collect()
        };
        clock.advance(LEAD + Duration::from_secs(3599));
        ring.tidy().await.unwrap();
        assert_eq!(halves().await, [first.clone(), next.id.clone()]);
        clock.advance(SECOND);
        ring.tidy().await.unwrap();
        assert_eq!(halves().await, std::slice::from_ref(&next.id));
        ring.read().await.unwrap();
        assert_eq!(listed(&ring, clock.now()), [next.id.clone(), first], "and it verifies on");
        clock.advance(VERIFIES);
        ring.tidy().await.unwrap();
        assert_eq!(ring.list().await.unwrap().len(), 1);
        ring.read().await.unwrap();
        assert_eq!((signs(&ring, clock.now()), listed(&ring, clock.now())), (next.id.clone(), vec![next.id]));
    }
}

async fn a_key_without_a_row_leaves_the_file_and_no_other(store: Case) {
    let folder = folder();
    let file = file_in(folder.path());
    let ring = ring(&store, &clock(), KeyStorage::File(file.clone())).await;
    let first = signs(&ring, start());
    // As after the loss of power between the file's write and the row's.
    let lock = file.lock().await.unwrap();
    file.add(&document(), &lock).unwrap();
    drop(lock);
    ring.tidy().await.unwrap();
    assert_eq!(file.read().unwrap().iter().map(|filed| filed.key.id()).collect::<Vec<_>>(), [first]);
}

async fn another_master_key_takes_the_old_ones_place_while_services_run(store: Case) {
    let running = ring(&store, &clock(), sealed()).await;
    running.rotate(document(), start() + LEAD).await.unwrap().unwrap();
    running.read().await.unwrap();
    let anew = |text| KeyStorage::Sealed { master: master(text), file: None };
    let ours = || Keyring::new(store.clone(), Clock::manual(start()), anew(OTHERS));
    assert!(matches!(ours().reseal(&master(OTHERS)).await, Err(KeyringError::OldMasterKey)));
    assert_eq!(ours().reseal(&master(OURS)).await.unwrap(), 2);
    assert_eq!(ours().reseal(&master(OURS)).await.unwrap(), 0, "and again, after one that was killed");
    let after = ring(&store, &clock(), anew(OTHERS)).await;
    assert_eq!(listed(&after, start()), listed(&running, start()));
    // Whoever runs has them open.
    running.read().await.unwrap();
    assert_eq!(signs(&running, start() + LEAD), signs(&after, start() + LEAD));
    let refused = Keyring::new(store.clone(), clock(), sealed()).begin(KeyType::default()).await;
    assert!(matches!(refused, Err(KeyringError::Key(SigningKeyError::OtherMasterKey))));
}

async fn no_key_is_added_or_killed_with_a_wrong_master_key_unless_the_right_one_is_lost(store: Case) {
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

async fn a_replica_that_cannot_open_the_next_key_verifies_with_it_and_signs_with_none(store: Case) {
    let here = ring(&store, &clock(), sealed()).await;
    let first = signs(&here, start());
    let next = here.rotate(document(), start() + LEAD).await.unwrap().unwrap();
    store.database.run(&format!("update signing_keys set sealed = null where id = '{}'", next.id)).await;
    here.read().await.unwrap();
    // It has made the key itself, and so has it open; another one has not.
    assert_eq!(signs(&here, start() + LEAD), next.id);
    let there = Keyring::new(store.clone(), clock(), sealed());
    let refused = there.begin(KeyType::default()).await;
    assert!(matches!(refused, Err(KeyringError::Key(SigningKeyError::Gone(_)))));
    there.read().await.unwrap();
    assert_eq!(signs(&there, start()), first);
    assert_eq!(listed(&there, start() + LEAD), [next.id, first]);
    assert!(there.keys().at(start() + LEAD).signing().is_none());
}

async fn no_private_half_lies_in_the_database_in_plain(store: Case) {
    let ring = ring(&store, &clock(), sealed()).await;
    let next = document();
    ring.rotate(next.clone(), start() + LEAD).await.unwrap().unwrap();
    for (record, sealed) in store.signing_keys().await.unwrap() {
        let sealed = sealed.unwrap();
        let secret = &next[next.len() - 32..];
        assert!(!sealed.windows(16).any(|window| secret.windows(16).any(|part| part == window)), "{}", record.id);
        assert!(Key::from_pkcs8(&sealed).is_none());
    }
    if let Some(path) = store.database.url.path() {
        let data = fs::read(path.with_extension("db-wal")).unwrap_or_default();
        let secret = &next[next.len() - 16..];
        assert!(!data.windows(16).any(|window| window == secret));
    }
}

on_both_engines!(crate::ring::Case:
    the_next_key_is_listed_before_it_signs_and_the_old_one_verifies_until_its_last_token_is_dead,
    replicas_share_the_set_and_agree_on_who_signs,
    of_two_replicas_that_rotate_at_once_one_does,
    each_type_follows_each,
    a_key_that_is_in_the_set_or_was_killed_does_not_come_in_again,
    what_seals_the_next_key_is_what_the_others_have,
    keys_are_neither_added_nor_killed_by_whoever_keeps_them_elsewhere,
    a_key_that_is_killed_is_gone_at_once_and_another_one_signs,
    the_key_that_waits_signs_at_once_when_the_one_before_it_is_killed,
    a_key_that_a_wrong_clock_has_put_off_for_a_year_is_replaced_by_one_that_comes_soon,
    a_private_half_is_kept_for_an_hour_and_a_key_for_as_long_as_its_tokens,
    a_key_without_a_row_leaves_the_file_and_no_other,
    another_master_key_takes_the_old_ones_place_while_services_run,
    no_key_is_added_or_killed_with_a_wrong_master_key_unless_the_right_one_is_lost,
    a_replica_that_cannot_open_the_next_key_verifies_with_it_and_signs_with_none,
    no_private_half_lies_in_the_database_in_plain,
);
