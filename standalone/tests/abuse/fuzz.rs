//! R11: a hundred thousand requests at random, a hundred at a time, and each is answered as the contract says.

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
use super::requests::{ABSENT, Subjects, UNUSED, valid};

/// Requests of methods that hash no password.
const MESSAGES: usize = 98_800;
const IN_FLIGHT: usize = 100;
/// Requests of methods that do. They come after the others, to which the hashing threads would yield until no time is left.
const HASHING_MESSAGES: usize = 1200;
/// So few that none waits long, even where the machine has other work, to which the hashing threads yield, too.
const HASHING_IN_FLIGHT: usize = 4;
/// Connections to each service.
const CONNECTIONS: usize = 4;
/// Users who may lose their accounts.
const DOOMED: usize = 32;
/// Users who may not.
const LASTING: usize = 4;
const SEED: u64 = 0x6761_7465_706f_7374;

/// Methods that end what the caller needs when they are about the caller.
const ENDING: [&str; 7] =
    ["Logout", "RevokeSession", "RevokeAllSessions", "ChangePassword", "DeleteUser", "SetUserRoles", "DisableUser"];

/// What a caller is told whose account or session is no more.
const GONE: [&str; 5] = ["TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REVOKED", "USER_DELETED", "USER_DISABLED"];

/// Texts that mean something somewhere.
const WORDS: [&str; 13] =
    ["", "name", "email", "title", "content", "*", "r1", "r2", "admin", "editor", "service", "A\0b", "\u{202e}a"];

/// Whose token a call carries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Admin,
    User,
    Service,
    /// A user whose account may go.
    Doomed,
}

/// What all calls share.
struct Fuzz {
    cast: Cast,
    /// Each method with a valid request for each doomed guest; first those that hash nothing, then the others.
    methods: [Vec<(MethodDescriptor, Vec<DynamicMessage>)>; 2],
    auth: Vec<Raw>,
    blog: Vec<Raw>,
    lasting: Vec<Guest>,
    doomed: Vec<Guest>,
    seed: u64,
    /// Calls that were made once more.
    again: AtomicUsize,
    outcomes: Mutex<BTreeMap<(String, Outcome), usize>>,
}

/// One call, as its number says.
struct Call {
    method: MethodDescriptor,
    token: String,
    body: Vec<u8>,
    /// Whether the caller may have gone.
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
        let methods = cast.contract.methods().into_iter();
        let (hashing, others) = methods.map(requests).partition(|(method, _)| HASHING.contains(&method.name()));
        let (methods, again, outcomes) = ([others, hashing], AtomicUsize::new(0), Mutex::default());
        Self { cast, methods, auth, blog, lasting, doomed, seed, again, outcomes }
    }

    /// The call of this number, which the seed decides; only ids and tokens differ from run to run.
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
        // Whoever must last says nothing that could be the end.
        let careful = is_ending(method) && matches!(caller, Caller::Admin | Caller::User);
        let mut message = requests[doomed].clone();
        if !random.one_in(4) {
            let texts = self.texts(&self.lasting[lasting], &self.doomed[doomed], careful);
            message = vary(random, message, &texts);
        }
        let bytes = message.encode_to_vec();
        let mut body = framed(&if random.one_in(2) { mutate(random, bytes) } else { bytes }).to_vec();
        if random.one_in(64) {
            // The frame lies about the message.
            let at = random.below(5);
            body[at] = random.byte();
        }
        let (method, token, doomed) = (method.clone(), token.to_owned(), caller == Caller::Doomed);
        Call { method, token, body, doomed, connection: random.below(CONNECTIONS) }
    }

    /// Texts that mean something.
    fn texts<'a>(&'a self, lasting: &'a Guest, doomed: &'a Guest, careful: bool) -> Vec<&'a str> {
        let of = |guest: &'a Guest| [&guest.id, &guest.email, &guest.session, &guest.post].map(String::as_str);
        let mut texts = vec![ABSENT, UNUSED, &self.cast.admin];
        texts.extend(of(doomed).into_iter().chain(WORDS));
        if !careful {
            texts.extend(of(lasting).into_iter().chain(["me", PASSWORD]));
        }
        texts
    }

    /// Makes calls until there are enough.
    async fn work(&self, next: &AtomicUsize, end: usize) {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= end {
                return;
            }
            let call = self.call(number);
            let status = self.answer(&call).await;
            let told =
                || format!("GATEPOST_SEED={} call {number}, {}: {:02x?}", self.seed, call.method.name(), call.body);
            let outcome = Outcome::of(status).unwrap_or_else(|wrong| panic!("{}: {wrong}", told()));
            let gone = GONE.iter().any(|reason| outcome.is(reason));
            assert!(call.doomed || !gone, "{}: {outcome}", told());
            *self.outcomes.lock().unwrap().entry((call.method.name().to_owned(), outcome)).or_default() += 1;
        }
    }

    /// The answer to a call: a hundred at a time may be more than a slow disk takes, and whoever comes back gets one.
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

    /// Prints the table, and says for each method how many calls of how many got to where the work is done.
    fn reached(&self) -> BTreeMap<String, (usize, usize)> {
        println!("{} calls were made once more", self.again.load(Ordering::Relaxed));
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

/// Makes the calls from one number to another, so many at a time.
async fn run(fuzz: &Arc<Fuzz>, calls: Range<usize>, in_flight: usize) {
    let next = Arc::new(AtomicUsize::new(calls.start));
    let mut workers = JoinSet::new();
    for _ in 0..in_flight {
        let (fuzz, next) = (Arc::clone(fuzz), Arc::clone(&next));
        workers.spawn(async move { fuzz.work(&next, calls.end).await });
    }
    workers.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r11_whatever_is_sent_no_answer_is_a_fault_and_the_pair_lives() {
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
