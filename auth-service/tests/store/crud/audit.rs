//! The audit log: filters, places for watchers, retention, and events that share the fate of their change.

use std::time::Duration;

use auth_service::domain::{
    Actor, Allowance, AttemptLimits, AuditContext, AuditEvent, AuditEventId, AuditFilter, AuditKind, Client,
    NewAuditEvent, Roles, UserState,
};
use auth_service::store::WrongPassword;
use chrono::{DateTime, TimeDelta, Utc};
use kit::Clock;
use kit::ids::Ids;
use testkit::{on_both_engines, start};
use uuid::Uuid;

use crate::support::{Case, another_admin, event, new_user, session, stamp, starting, wrong};

/// Returns an event of this second. Its id contains the same time.
fn at(second: i64, kind: AuditKind) -> NewAuditEvent {
    let time = start() + TimeDelta::seconds(second);
    let id: AuditEventId = Ids::new(Clock::manual(time)).next::<Uuid>().into();
    NewAuditEvent::new(id, time, kind, Actor::System.into())
}

/// Records events of these seconds, and gives them places.
async fn placed(store: &Case, seconds: impl IntoIterator<Item = i64>) {
    for second in seconds {
        store.record_audit_event(&at(second, AuditKind::LoginFailed)).await.unwrap();
        assert_eq!(store.place_audit_events().await.unwrap(), 1);
    }
}

/// Returns the seconds of the placed events.
async fn seconds(store: &Case) -> Vec<i64> {
    let events = store.audit_events_after(0, 10_000).await.unwrap();
    events.iter().map(|placed| (placed.event.time - start()).num_seconds()).collect()
}

async fn listed(store: &Case, filter: &AuditFilter) -> Vec<AuditEvent> {
    store.list_audit_events(filter, None, 100).await.unwrap()
}

async fn event_is_read_as_it_was_written(store: Case) {
    let context = AuditContext {
        actor: Actor::Service("blog".into()),
        client: Client { peer: "192.0.2.7".into(), user_agent: "it's \"curl\" $1 \u{0}".replace('\u{0}', "") },
        request_id: "0198d7a1-52f0-7d0a-9d2e-0d1f5b3c9a11".into(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
    };
    let new = NewAuditEvent { context: context.clone(), ..at(7, AuditKind::SigningKeyAdded) };
    let new = new.about_key("kid-1").with("reason", "a b");
    for _ in ["first", "repeated"] {
        store.record_audit_event(&new).await.unwrap();
    }
    let read = listed(&store, &AuditFilter::default()).await;
    let expected = AuditEvent {
        id: new.id,
        time: new.time,
        kind: Some(AuditKind::SigningKeyAdded),
        actor: "service:blog".into(),
        subject: "key:kid-1".into(),
        client: context.client,
        request_id: context.request_id,
        trace_id: context.trace_id,
        detail: "reason=a,b".into(),
    };
    assert_eq!(read, [expected]);
    store.database.run("update audit_events set kind = 'of_a_later_version'").await;
    assert_eq!(listed(&store, &AuditFilter::default()).await[0].kind, None);
}

async fn filters_agree_with_the_pure_filter(store: Case) {
    let ada = new_user(1, "ada@example.com").id;
    for (second, kind) in [(0, AuditKind::LoginFailed), (1, AuditKind::LoginSucceeded), (2, AuditKind::LoggedOut)] {
        store.record_audit_event(&at(second, kind)).await.unwrap();
        store.record_audit_event(&at(second, kind).by_user(ada)).await.unwrap();
        store.record_audit_event(&at(second, kind).about_user(ada)).await.unwrap();
    }
    let all = listed(&store, &AuditFilter::default()).await;
    assert!(all.len() == 9 && all.is_sorted_by(|one, next| one.id > next.id), "{all:?}");
    let times: [Option<DateTime<Utc>>; 3] = [None, Some(start()), Some(start() + TimeDelta::seconds(1))];
    for actor in [None, Some("system".to_owned()), Some(ada.to_string())] {
        for subject in [None, Some(String::new()), Some(ada.to_string())] {
            for kind in [None, Some(AuditKind::LoginFailed), Some(AuditKind::LoggedOut)] {
                for from in times {
                    for until in times {
                        let (actor, subject) = (actor.clone(), subject.clone());
                        let filter = AuditFilter { actor, subject, kind, from, until };
                        let wanted: Vec<_> = all.iter().filter(|event| filter.matches(event)).cloned().collect();
                        assert_eq!(listed(&store, &filter).await, wanted, "{filter:?}");
                    }
                }
            }
        }
    }
    let page = store.list_audit_events(&AuditFilter::default(), Some(all[3].id), 2).await.unwrap();
    assert_eq!(page, all[4..6]);
}

async fn places_rise_and_have_no_gaps(store: Case) {
    assert_eq!((store.place_audit_events().await.unwrap(), store.audit_range().await.unwrap().last), (0, 0));
    // A later event may have an earlier id: another replica drew it before.
    for second in [5, 3] {
        store.record_audit_event(&at(second, AuditKind::LoginFailed)).await.unwrap();
    }
    assert_eq!(store.audit_events_after(0, 10).await.unwrap(), [], "no event has a place yet");
    assert_eq!(store.place_audit_events().await.unwrap(), 2);
    placed(&store, [1]).await;
    assert_eq!(seconds(&store).await, [3, 5, 1]);
    let positions: Vec<_> = store.audit_events_after(1, 10).await.unwrap();
    assert_eq!(positions.iter().map(|placed| placed.position).collect::<Vec<_>>(), [2, 3]);
    let range = store.audit_range().await.unwrap();
    assert_eq!((range.last, range.pruned), (3, 0));
}

async fn old_events_are_pruned_in_order(store: Case) {
    let at = |second| start() + TimeDelta::seconds(second);
    placed(&store, [0, 1, 50, 2, 60]).await;
    // The event of second 2 waits behind a newer one.
    assert_eq!(store.prune_audit_events(at(10), at(100)).await.unwrap(), 2);
    assert_eq!(store.prune_audit_events(at(10), at(100)).await.unwrap(), 0);
    assert_eq!((seconds(&store).await, store.audit_range().await.unwrap().pruned), (vec![50, 2, 60], 2));
    // An event with a time in the future was written under a wrong clock. It is pruned together with its neighbors, and
    // not before them.
    assert_eq!(store.prune_audit_events(at(10), at(40)).await.unwrap(), 2);
    assert_eq!(store.prune_audit_events(at(10), at(40)).await.unwrap(), 0);
    assert_eq!(seconds(&store).await, [60]);
}

async fn events_of_a_clock_ahead_delay_no_expiry(store: Case) {
    for second in 1000..1600 {
        store.record_audit_event(&at(second, AuditKind::LoginFailed)).await.unwrap();
    }
    assert_eq!([store.place_audit_events().await.unwrap(), store.place_audit_events().await.unwrap()], [500, 100]);
    placed(&store, [1, 50]).await;
    let time = |second| start() + TimeDelta::seconds(second);
    let prune = async || store.prune_audit_events(time(10), time(100)).await.unwrap();
    assert_eq!([prune().await, prune().await, prune().await], [500, 101, 0]);
    assert_eq!(seconds(&store).await, [50]);
}

async fn events_beyond_the_largest_number_are_deleted(store: Case) {
    placed(&store, 0..5).await;
    store.record_audit_event(&at(9, AuditKind::LoginFailed)).await.unwrap();
    assert_eq!(store.shrink_audit_log(5).await.unwrap(), 0, "an event without a place stays");
    assert_eq!(store.shrink_audit_log(3).await.unwrap(), 2);
    assert_eq!(store.shrink_audit_log(3).await.unwrap(), 0);
    assert_eq!((seconds(&store).await, store.audit_range().await.unwrap().pruned), (vec![2, 3, 4], 2));
}

async fn wrong_password_locks_at_its_limits(store: Case) {
    let allowance = Allowance { burst: 50, per_minute: 20 };
    let limits = AttemptLimits { free_failures: 2, lock_after: 4, ..wrong(&[], allowance).limits };
    let mut details = Vec::new();
    for (second, claimed) in [(1, None), (2, None), (3, None), (4, Some(4)), (5, Some(5))] {
        let accounts = if claimed.is_none() { vec![[9; 32]] } else { Vec::new() };
        let (failed, locked) = (at(second, AuditKind::LoginFailed), at(second, AuditKind::AccountLocked));
        let wrong = WrongPassword { accounts, claimed, limits, failed, locked: Some(locked) };
        store.add_failure(wrong, "192.0.2.7", start()).await.unwrap();
        let locks = AuditFilter { kind: Some(AuditKind::AccountLocked), ..AuditFilter::default() };
        details = listed(&store, &locks).await.into_iter().map(|event| event.detail).collect();
    }
    assert_eq!(details, ["failures=4 wait_seconds=86400", "failures=2 wait_seconds=1"]);
    let failures = AuditFilter { kind: Some(AuditKind::LoginFailed), ..AuditFilter::default() };
    assert_eq!(listed(&store, &failures).await.len(), 5);
}

/// A change that is not made leaves no event, and a change whose event cannot be written is not made.
async fn change_and_event_are_both_written_or_neither(store: Case) {
    let (ada, root) = (new_user(1, "ada@example.com"), another_admin());
    let count = async || listed(&store, &AuditFilter::default()).await.len();
    store.create_user(&root, None, None, &event()).await.unwrap();
    store.create_user(&ada, Some(starting(&session(10, &ada))), None, &event()).await.unwrap();
    assert_eq!(count().await, 2);
    store.create_user(&new_user(2, "ada@example.com"), None, None, &event()).await.unwrap();
    store.set_state(ada.id, UserState::Active, None, stamp(), &event()).await.unwrap().unwrap();
    store.set_roles(ada.id, &Roles::default(), None, stamp(), &event()).await.unwrap().unwrap();
    store.set_roles(root.id, &Roles::default(), None, stamp(), &event()).await.unwrap().unwrap_err();
    store.delete_user(root.id, None, stamp(), "erased", &event()).await.unwrap().unwrap_err();
    store.change_password(9, "$argon2id$", &session(11, &ada), &Client::default(), stamp(), &event()).await.unwrap();
    assert!(store.revoke_session(session(12, &ada).id, None, stamp(), &event()).await.unwrap().is_none());
    let late = auth_service::domain::Session { generation: 0, ..session(13, &ada) };
    assert!(!store.create_session(&late, &Client::default(), &event()).await.unwrap());
    assert_eq!(count().await, 2, "nothing was changed");

    store.database.refuse("insert", "audit_events").await;
    store.set_state(ada.id, UserState::Disabled, None, stamp(), &event()).await.unwrap_err();
    store.create_session(&session(14, &ada), &Client::default(), &event()).await.unwrap_err();
    store.end_session(session(10, &ada).id, stamp(), &event()).await.unwrap_err();
    store.add_failure(wrong(&[[9; 32]], Allowance { burst: 50, per_minute: 20 }), "", start()).await.unwrap_err();
    store.database.accept("audit_events").await;
    assert_eq!(store.user(ada.id).await.unwrap().unwrap().state, UserState::Active);
    assert_eq!(store.failures(&[9; 32]).await.unwrap(), None);
    let sessions = store.list_sessions(ada.id, None, 10, start()).await.unwrap();
    assert_eq!(sessions.len(), 1, "the first session lives, and no other one does");
}

async fn deleted_user_is_erased_from_all_events(store: Case) {
    let (ada, root) = (new_user(1, "ada@example.com"), another_admin());
    for user in [&root, &ada] {
        store.create_user(user, None, None, &event()).await.unwrap();
    }
    let client = Client { peer: "192.0.2.7".into(), user_agent: "curl".into() };
    let called = |second, kind, actor| {
        let context = AuditContext { client: client.clone(), request_id: "r".into(), trace_id: "t".into(), actor };
        NewAuditEvent { context, ..at(second, kind) }.with("session", "s")
    };
    // More events than a batch erases.
    for second in 0..600 {
        let failed = called(second, AuditKind::LoginFailed, Actor::Anonymous);
        store.record_audit_event(&failed.about_user(ada.id)).await.unwrap();
    }
    for (actor, subject) in [(ada.id, ada.id), (root.id, ada.id), (ada.id, root.id)] {
        let changed = called(700, AuditKind::RolesChanged, Actor::User(actor));
        store.record_audit_event(&changed.about_user(subject)).await.unwrap();
    }
    let deleted = called(800, AuditKind::UserDeleted, Actor::User(ada.id)).about_user(ada.id);
    store.delete_user(ada.id, None, stamp(), "erased-1", &deleted).await.unwrap().unwrap();
    let now = start() + Duration::from_mins(1);
    assert_eq!(store.erase_audit_events(auth_service::domain::UserId::NIL, now).await.unwrap(), [ada.id]);
    assert_eq!(store.erase_audit_events(ada.id, now).await.unwrap(), []);

    // An event of a call that began before the deletion.
    let late = called(801, AuditKind::LoginFailed, Actor::Anonymous).about_user(ada.id);
    store.record_audit_event(&late).await.unwrap();
    let later = start() + Duration::from_secs(3601);
    for planned in [vec![ada.id], Vec::new()] {
        assert_eq!(store.erase_audit_events(auth_service::domain::UserId::NIL, later).await.unwrap(), planned);
    }
    let events = store.list_audit_events(&AuditFilter::default(), None, 1000).await.unwrap();
    let ours: Vec<_> = events.iter().filter(|event| event.kind != Some(AuditKind::UserCreated)).collect();
    assert_eq!(ours.len(), 605);
    let root = root.id.to_string();
    for event in ours {
        let parties = (event.actor.as_str(), event.subject.as_str());
        let is_clear = event.client == Client::default() && event.request_id.is_empty() && event.trace_id.is_empty();
        match event.kind.unwrap() {
            AuditKind::LoginFailed => {
                assert_eq!((parties, is_clear, event.detail.as_str()), (("", "erased-1"), true, ""));
            }
            AuditKind::UserDeleted => assert_eq!((parties, is_clear), (("erased", "erased"), true)),
            _ if parties.0 == root => {
                assert_eq!((parties.1, &event.client, event.detail.as_str()), ("erased-1", &client, ""));
            }
            _ => {
                assert!(parties.0 == "erased-1" && [root.as_str(), "erased-1"].contains(&parties.1) && is_clear);
            }
        }
    }
    let text = format!("{events:?}");
    assert!(!text.contains(&ada.id.to_string()), "{text}");
}

on_both_engines!(crate::support::Case:
    event_is_read_as_it_was_written,
    filters_agree_with_the_pure_filter,
    places_rise_and_have_no_gaps,
    old_events_are_pruned_in_order,
    events_of_a_clock_ahead_delay_no_expiry,
    events_beyond_the_largest_number_are_deleted,
    wrong_password_locks_at_its_limits,
    change_and_event_are_both_written_or_neither,
    deleted_user_is_erased_from_all_events,
);
