//! The replacement of the auth service: it can make a guard give each of its statuses.

use std::time::{Duration, SystemTime};

use gatepost::testing::Auth;
use gatepost::{GuardLayer, Identity, Policy, Rule, SubjectKind, Token, Verify as _, WithToken};
use tonic::Status;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::support::{CallView, Memory, ProbeClient, Refused, SHOW};

/// A guarded service and the issuer behind its guard.
struct World {
    auth: Auth,
    service: Memory,
}

impl World {
    fn new() -> Self {
        Self::with_policy(Policy::closed())
    }

    fn with_policy(policy: Policy) -> Self {
        let auth = Auth::new();
        let service = Memory::guarded(GuardLayer::new(policy, auth.clone()).unwrap().audience("gatepost"));
        Self { auth, service }
    }

    /// Makes a call with this token.
    async fn show(&self, token: &Token) -> Result<CallView, Status> {
        let channel: Channel = self.service.channel();
        ProbeClient::new(InterceptedService::new(channel, WithToken::new(token))).show().await
    }

    async fn is_admitted(&self, token: &Token) -> bool {
        self.show(token).await.is_ok()
    }

    #[track_caller]
    fn is(refused: Refused, answer: &Result<CallView, Status>) {
        refused.is(answer.as_ref().expect_err("the call is not refused"));
    }
}

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn handler_sees_the_issued_identity() {
    let world = World::new();
    let ada = world.auth.issue(Identity::user("ada"));
    assert_eq!(world.show(&ada).await.unwrap().subject.as_deref(), Some("ada"));
    let shop = world.auth.issue(Identity::service("shop"));
    assert_eq!(world.show(&shop).await.unwrap().subject.as_deref(), Some("shop"));
}

#[tokio::test]
async fn one_of_several_audiences_is_enough() {
    let world = World::new();
    let of = |audiences: &[&str]| {
        world.auth.issue(Identity::user("ada").audiences(audiences.iter().map(ToString::to_string)))
    };
    for good in [&["shop", "gatepost"][..], &["gatepost"]] {
        assert!(world.is_admitted(&of(good)).await, "{good:?}");
    }
    for bad in [&[][..], &["shop", "gatepost.evil"], &["shop,gatepost"]] {
        World::is(Refused::TOKEN_INVALID, &world.show(&of(bad)).await);
    }
}

#[tokio::test]
async fn identity_has_given_fields_and_defaults() {
    async fn of(auth: &Auth, bearer: Identity) -> Identity {
        let introspection = auth.verify(&auth.issue(bearer), tokio::time::Instant::now()).await.unwrap();
        let gatepost::TokenStatus::Active(identity) = introspection.status else { panic!("the token is not valid") };
        identity
    }
    let auth = Auth::new();
    let end = auth.time() + Duration::from_mins(1);
    let given = Identity::user("ada").role("admin").role("editor").session("s").audience("a").expire_time(end);
    assert_eq!(of(&auth, given.clone()).await, given);
    assert!(given.has_role("editor") && given.kind == SubjectKind::User);
    let usual = of(&auth, Identity::user("ada")).await;
    assert_eq!(
        (usual.audiences.as_slice(), usual.expire_time),
        (&["gatepost".to_owned()][..], Some(auth.time() + DAY))
    );
    assert_ne!(usual.session, of(&auth, Identity::user("ada")).await.session, "each token has its own session");
    let service = of(&auth, Identity::service("shop")).await;
    assert_eq!((service.kind, &service.session, service.expire_time), (SubjectKind::Service, &None, None));
}

#[tokio::test]
async fn roles_and_audience_are_checked() {
    let world = World::with_policy(Policy::closed().rule(SHOW, Rule::role("seller")));
    assert!(world.is_admitted(&world.auth.issue(Identity::user("ada").role("seller"))).await);
    let bob = world.auth.issue(Identity::user("bob").role("buyer"));
    World::is(Refused::NOT_ALLOWED, &world.show(&bob).await);
    let elsewhere = world.auth.issue(Identity::user("ada").role("seller").audience("another"));
    World::is(Refused::TOKEN_INVALID, &world.show(&elsewhere).await);
    let foreign = Auth::new().issue(Identity::user("ada").role("seller"));
    World::is(Refused::TOKEN_INVALID, &world.show(&foreign).await);
    World::is(Refused::TOKEN_INVALID, &world.show(&Token::parse("forged").unwrap()).await);
}

#[tokio::test]
async fn revoked_token_is_dead_even_if_unseen() {
    let world = World::new();
    let tokens = [(); 2].map(|()| world.auth.issue(Identity::user("ada").session("one")));
    let other = world.auth.issue(Identity::user("ada"));
    assert!(world.is_admitted(&tokens[0]).await);
    world.auth.revoke(&tokens[0]);
    for token in &tokens {
        World::is(Refused::TOKEN_REVOKED, &world.show(token).await);
    }
    assert!(world.is_admitted(&other).await, "a token of another session is valid");
    let late = world.auth.issue(Identity::user("ada").session("one"));
    World::is(Refused::TOKEN_REVOKED, &world.show(&late).await);
    world.auth.revoke_session("two");
    World::is(Refused::TOKEN_REVOKED, &world.show(&world.auth.issue(Identity::user("ada").session("two"))).await);
}

#[tokio::test]
async fn revoking_a_service_token_spares_the_others() {
    let world = World::new();
    let tokens = [(); 2].map(|()| world.auth.issue(Identity::service("shop")));
    for token in &tokens {
        assert!(world.is_admitted(token).await);
    }
    world.auth.revoke(&tokens[0]);
    World::is(Refused::TOKEN_REVOKED, &world.show(&tokens[0]).await);
    assert!(world.is_admitted(&tokens[1]).await);
}

#[tokio::test]
async fn user_changes_end_earlier_tokens() {
    type Injector = fn(&Auth, &str);
    let rows: [(Injector, Refused); 3] = [
        (Auth::revoke_user, Refused::TOKEN_REVOKED),
        (Auth::disable_user, Refused::USER_DISABLED),
        (Auth::delete_user, Refused::USER_DELETED),
    ];
    for (inject, refused) in rows {
        let world = World::new();
        let [seen, unseen, bob] = ["ada", "ada", "bob"].map(|name| world.auth.issue(Identity::user(name)));
        assert!(world.is_admitted(&seen).await);
        inject(&world.auth, "ada");
        World::is(refused, &world.show(&seen).await);
        World::is(refused, &world.show(&unseen).await);
        assert!(world.is_admitted(&bob).await);
        assert!(world.is_admitted(&world.auth.issue(Identity::user("ada"))).await, "a later token is valid");
        World::is(refused, &world.show(&seen).await);
    }
}

#[tokio::test]
async fn tokens_age_by_the_tests_clock() {
    let world = World::new();
    let began = world.auth.time();
    assert_eq!(began.duration_since(SystemTime::UNIX_EPOCH).unwrap(), DAY * 365 * 60 + DAY * 15, "2030");
    let minute = world.auth.issue(Identity::user("ada").expire_time(began + Duration::from_mins(1)));
    let [day, service] = [Identity::user("ada"), Identity::service("shop")].map(|bearer| world.auth.issue(bearer));
    world.auth.clock().advance(Duration::from_mins(1) - Duration::from_nanos(1));
    assert!(world.is_admitted(&minute).await);
    world.auth.clock().advance(Duration::from_nanos(1));
    World::is(Refused::TOKEN_EXPIRED, &world.show(&minute).await);
    assert!(world.is_admitted(&day).await);
    world.auth.clock().advance(DAY);
    World::is(Refused::TOKEN_EXPIRED, &world.show(&day).await);
    assert!(world.is_admitted(&service).await, "a service token does not expire");
    assert_eq!(world.auth.time(), began + DAY + Duration::from_mins(1));
}

#[tokio::test]
async fn outage_refuses_all_tokens() {
    let world = World::with_policy(Policy::closed().rule("/guard.test.Probe/Gather", Rule::Public));
    let [seen, unseen] = [(); 2].map(|()| world.auth.issue(Identity::user("ada")));
    assert!(world.is_admitted(&seen).await);
    world.auth.away(true);
    for token in [&seen, &unseen] {
        World::is(Refused::AUTH_UNAVAILABLE, &world.show(token).await);
    }
    let open = ProbeClient::new(world.service.channel()).gather(tokio_stream::iter(["a".to_owned()])).await;
    assert_eq!(open.unwrap(), "a", "a public method needs no auth service");
    world.auth.revoke(&seen);
    world.auth.away(false);
    World::is(Refused::TOKEN_REVOKED, &world.show(&seen).await);
    assert!(world.is_admitted(&unseen).await);
}

#[test]
#[should_panic(expected = "another Auth issued this token")]
fn revoking_a_foreign_token_panics() {
    Auth::new().revoke(&Token::parse("another").unwrap());
}
