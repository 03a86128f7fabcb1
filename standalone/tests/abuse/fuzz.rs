//! R11: a hundred thousand random requests, a hundred at a time, each answered as the contract says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gatepost_server::dynamic;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use testkit::{Raw, framed};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::cast::{Cast, Guest, MACHINE, QUIET, SERVICE_KEY, is_auth};
use super::generate::vary;
use super::mutate::mutate;
use super::outcome::{HASHING, Outcome, PATIENCE, is_for_later};
use super::pair::{PASSWORD, tool};
use super::random::Random;
use super::requests::{ABSENT, Subjects, UNUSED, ends, valid};

/// Number of requests to methods that hash no password.
const MESSAGES: usize = 98_800;
const IN_FLIGHT: usize = 100;
/// Number of requests to methods that hash one. They come last: if they ran with the others, the hashing threads would
/// yield until their deadline.
const HASHING_MESSAGES: usize = 1200;
/// Calls at once to those methods: few enough for short waits on a busy machine, where the hashing threads yield.
const HASHING_IN_FLIGHT: usize = 4;
/// Connections to each service.
const CONNECTIONS: usize = 4;
/// Number of users with accounts that may be deleted.
const DOOMED: usize = 32;
/// Number of users with accounts that stay.
const LASTING: usize = 4;
const SEED: u64 = 0x6761_7465_706f_7374;

/// Methods that end the caller's own account or session, if the request names the caller.
const ENDING: [&str; 8] = [
    "Logout",
    "RevokeSession",
    "RevokeAllSessions",
    "ChangePassword",
    "ResetPassword",
    "DeleteUser",
    "SetUserRoles",
    "DisableUser",
];

/// Reasons of rejections after the caller's account or session has ended.
const GONE: [&str; 5] = ["TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REVOKED", "USER_DELETED", "USER_DISABLED"];

/// Texts with a meaning in some field.
const WORDS: [&str; 13] =
    ["", "name", "email", "title", "content", "*", "r1", "r2", "admin", "editor", "service", "A\0b", "\u{202e}a"];

/// The owner of a call's token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Admin,
    User,
    Service,
    /// A user with an account that may be deleted.
    Doomed,
}

/// The shared state of all calls.
struct Fuzz {
    cast: Cast,
    /// Each method with a valid request for each doomed guest; methods that hash nothing first, then the others.
    methods: [Vec<(MethodDescriptor, Vec<DynamicMessage>)>; 2],
    auth: Vec<Raw>,
    blog: Vec<Raw>,
    lasting: Vec<Guest>,
    doomed: Vec<Guest>,
    seed: u64,
    /// Number of repeated calls.
    again: AtomicUsize,
    outcomes: Mutex<BTreeMap<(String, Outcome), usize>>,
}

/// One call, as derived from its number.
struct Call {
    method: MethodDescriptor,
    token: String,
    body: Vec<u8>,
    /// Set if the caller may be deleted by now.
    doomed: bool,
    connection: usize,
}

impl Fuzz {
    async fn start(seed: u64) -> Self {
        let cast = Cast::start(&[QUIET]).await;
        let connect = async |address: &str| {
            let address: SocketAddr = address.parse().unwrap();
            let mut all = Vec::new();
            for _ in 0..CONNECTIONS {
                all.push(Raw::connect(address).await);
            }
            all
        };
        let (auth, blog) = (connect(&cast.pair.auth).await, connect(&cast.pair.blog).await);
        let mut guests = Vec::new();
        for number in 0..DOOMED + LASTING {
            guests.push(cast.guest(number).await);
        }
        let (lasting, doomed) = (guests.split_off(DOOMED), guests);
        let requests = |method: MethodDescriptor| {
            let about = |number: usize| if is_ending(&method) { &doomed[number] } else { &lasting[number % LASTING] };
            let valid =
                |number| valid(&method, &Subjects { guest: about(number), ..Subjects::doomed(&doomed[number]) });
            let all = (0..DOOMED).map(|number| dynamic::request(&method, &valid(number)).unwrap()).collect();
            (method, all)
        };
        let methods = cast.contract.methods().into_iter().filter(ends);
        let (hashing, others) = methods.map(requests).partition(|(method, _)| HASHING.contains(&method.name()));
        let (methods, again, outcomes) = ([others, hashing], AtomicUsize::new(0), Mutex::default());
        Self { cast, methods, auth, blog, lasting, doomed, seed, again, outcomes }
    }

    /// Returns the call of this number. The seed determines the call; only ids and tokens differ between runs.
    fn call(&self, number: usize) -> Call {
        let random = &mut Random::of(self.seed, number);
        let (method, requests) = random.pick(&self.methods[usize::from(number >= MESSAGES)]);
        let caller = caller(random, method);
        let (lasting, doomed) = (random.below(LASTING), random.below(DOOMED));
        let token = match caller {
            Caller::Admin => &self.cast.admin,
            Caller::User => &self.lasting[lasting].token,
            Caller::Service => SERVICE_KEY,
            Caller::Doomed => &self.doomed[doomed].token,
        };
        // A lasting caller sends no request that could end its account.
        let careful = is_ending(method) && matches!(caller, Caller::Admin | Caller::User);
        let mut message = requests[doomed].clone();
        if !random.one_in(4) {
            let texts = self.texts(&self.lasting[lasting], &self.doomed[doomed], careful);
            message = vary(random, message, &texts);
        }
        let bytes = message.encode_to_vec();
        let mut body = framed(&if random.one_in(2) { mutate(random, bytes) } else { bytes }).to_vec();
        if random.one_in(64) {
            // The frame's length is not that of the message.
            let at = random.below(5);
            body[at] = random.byte();
        }
        let (method, token, doomed) = (method.clone(), token.to_owned(), caller == Caller::Doomed);
        Call { method, token, body, doomed, connection: random.below(CONNECTIONS) }
    }

    /// Returns texts with a meaning.
    fn texts<'a>(&'a self, lasting: &'a Guest, doomed: &'a Guest, careful: bool) -> Vec<&'a str> {
        let of = |guest: &'a Guest| [&guest.id, &guest.email, &guest.session, &guest.post].map(String::as_str);
        let mut texts = vec![ABSENT, UNUSED, &self.cast.admin];
        texts.extend(of(doomed).into_iter().chain(WORDS));
        if !careful {
            texts.extend(of(lasting).into_iter().chain(["me", PASSWORD]));
        }
        texts
    }

    /// Makes calls until the last number.
    async fn work(&self, next: &AtomicUsize, end: usize) {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= end {
                return;
            }
            let call = self.call(number);
            let status = self.answer(&call).await;
            let describe =
                || format!("GATEPOST_SEED={} call {number}, {}: {:02x?}", self.seed, call.method.name(), call.body);
            let outcome = Outcome::of(status).unwrap_or_else(|wrong| panic!("{}: {wrong}", describe()));
            let gone = GONE.iter().any(|reason| outcome.is(reason));
            assert!(call.doomed || !gone, "{}: {outcome}", describe());
            *self.outcomes.lock().unwrap().entry((call.method.name().to_owned(), outcome)).or_default() += 1;
        }
    }

    /// Makes a call and returns its answer. Repeats the call if the answer asks for a retry: a hundred calls at a time
    /// may be too many for a slow disk.
    async fn answer(&self, call: &Call) -> Result<(), Status> {
        for _ in 0..PATIENCE {
            match self.send(call).await {
                Err(status) if is_for_later(call.method.name(), &status) => self.again.fetch_add(1, Ordering::Relaxed),
                answer => return answer,
            };
        }
        self.send(call).await
    }

    async fn send(&self, call: &Call) -> Result<(), Status> {
        let connections = if is_auth(&call.method) { &self.auth } else { &self.blog };
        let path = format!("/{}", dynamic::name(&call.method));
        let reply = connections[call.connection].call(&path, &[("api-token", &call.token)], call.body.clone()).await;
        let status = reply.status();
        if status.code() == Code::Ok { Ok(()) } else { Err(status) }
    }

    /// Prints the table. Returns for each method the number of calls that reached the handler, and of all calls.
    fn reached(&self) -> BTreeMap<String, (usize, usize)> {
        println!("{} calls were repeated", self.again.load(Ordering::Relaxed));
        let mut reached = BTreeMap::<String, (usize, usize)>::new();
        for ((method, outcome), count) in self.outcomes.lock().unwrap().iter() {
            println!("{method:18} {outcome:40} {count:6}");
            let entry = reached.entry(method.clone()).or_default();
            entry.1 += count;
            if !outcome.is("MALFORMED_REQUEST") && !GONE.iter().any(|reason| outcome.is(reason)) {
                entry.0 += count;
            }
        }
        reached
    }
}

fn is_ending(method: &MethodDescriptor) -> bool {
    ENDING.contains(&method.name())
}

fn caller(random: &mut Random, method: &MethodDescriptor) -> Caller {
    match (method.name(), random.below(8)) {
        ("Logout", 0..5) | (_, 1) => Caller::Service,
        ("Logout", _) | (_, 0) => Caller::Doomed,
        (_, 2 | 3) => Caller::User,
        _ => Caller::Admin,
    }
}

/// Makes the calls of a range, this many at a time.
async fn run(fuzz: &Arc<Fuzz>, calls: Range<usize>, in_flight: usize) {
    let next = Arc::new(AtomicUsize::new(calls.start));
    let mut workers = JoinSet::new();
    for _ in 0..in_flight {
        let (fuzz, next) = (Arc::clone(fuzz), Arc::clone(&next));
        workers.spawn(async move { fuzz.work(&next, calls.end).await });
    }
    workers.join_all().await;
}

/// R11: no request causes an internal error, and the pair survives all of them.
#[tokio::test(flavor = "multi_thread")]
async fn random_requests_cause_no_fault() {
    let _turn = MACHINE.lock().await;
    let seed = tool("GATEPOST_SEED", &SEED.to_string()).parse().unwrap();
    println!("GATEPOST_SEED={seed}");
    let fuzz = Arc::new(Fuzz::start(seed).await);
    run(&fuzz, 0..MESSAGES, IN_FLIGHT).await;
    run(&fuzz, MESSAGES..MESSAGES + HASHING_MESSAGES, HASHING_IN_FLIGHT).await;
    let fuzz = Arc::into_inner(fuzz).unwrap();
    let reached = fuzz.reached();
    assert_eq!(reached.values().map(|(_, all)| all).sum::<usize>(), MESSAGES + HASHING_MESSAGES);
    for (method, _) in fuzz.methods.iter().flatten() {
        let (inside, all) = reached[method.name()];
        assert!(all > 100 && inside * 5 > all, "{}: {inside} of {all} calls reached its handler", method.name());
    }
    for raw in [&fuzz.auth[0], &fuzz.blog[0]] {
        let health = raw.unary("/grpc.health.v1.Health/Check", &[], &[]).await.unwrap();
        assert_eq!(&health[..], [0x08, 1], "SERVING");
    }
    fuzz.cast.pair.stop();
}
