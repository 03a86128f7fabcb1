//! `SpiceDB` with its datastore in memory: questions whether a user may read a post.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Request, Status, async_trait};
use tonic_prost::ProstCodec;

use super::RivalSettings;
use super::process::{RivalProcess, free_address};
use super::work::{OpenSession, RivalCall, RivalServer, RunningRival, Work};
use crate::Failure;
use crate::load::{CallFuture, LoadCall, PostIds};
use crate::services::{channel, channels};

/// Key that the server and its clients share, for the benchmark alone.
const KEY: &str = "a-key-of-the-benchmark-alone";

/// Kinds of objects and their permissions.
const SCHEMA: &str = "definition user {}\ndefinition post {\n relation reader: user\n permission read = reader\n}";

/// Connections to the server.
const CONNECTIONS: usize = 4;

/// Paths of the methods.
const CHECK: &str = "/authzed.api.v1.PermissionsService/CheckPermission";
const WRITE: &str = "/authzed.api.v1.PermissionsService/WriteRelationships";
const WRITE_SCHEMA: &str = "/authzed.api.v1.SchemaService/WriteSchema";

/// Numbers of the contract: the answer that grants a permission, and the changes of a relationship.
const HAS_PERMISSION: i32 = 2;
const TOUCH: i32 = 2;
const DELETE: i32 = 3;

/// The part of `authzed.api.v1` that the benchmark calls.
#[derive(Clone, PartialEq, Message)]
struct ObjectReference {
    #[prost(string, tag = "1")]
    object_type: String,
    #[prost(string, tag = "2")]
    object_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct SubjectReference {
    #[prost(message, optional, tag = "1")]
    object: Option<ObjectReference>,
}

#[derive(Clone, PartialEq, Message)]
struct CheckPermissionRequest {
    #[prost(message, optional, tag = "2")]
    resource: Option<ObjectReference>,
    #[prost(string, tag = "3")]
    permission: String,
    #[prost(message, optional, tag = "4")]
    subject: Option<SubjectReference>,
}

#[derive(Clone, PartialEq, Message)]
struct CheckPermissionResponse {
    #[prost(int32, tag = "2")]
    permissionship: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Relationship {
    #[prost(message, optional, tag = "1")]
    resource: Option<ObjectReference>,
    #[prost(string, tag = "2")]
    relation: String,
    #[prost(message, optional, tag = "3")]
    subject: Option<SubjectReference>,
}

#[derive(Clone, PartialEq, Message)]
struct RelationshipUpdate {
    #[prost(int32, tag = "1")]
    operation: i32,
    #[prost(message, optional, tag = "2")]
    relationship: Option<Relationship>,
}

#[derive(Clone, PartialEq, Message)]
struct WriteRelationshipsRequest {
    #[prost(message, repeated, tag = "1")]
    updates: Vec<RelationshipUpdate>,
}

#[derive(Clone, PartialEq, Message)]
struct WriteSchemaRequest {
    #[prost(string, tag = "1")]
    schema: String,
}

#[derive(Clone, PartialEq, Message)]
struct EmptyAnswer {}

/// The program.
pub(super) struct SpiceDb {
    program: PathBuf,
}

impl SpiceDb {
    /// Returns the program that was built into this folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self { program: folder.join("spicedb") }
    }
}

#[async_trait]
impl RivalServer for SpiceDb {
    async fn start(&self, folder: &Path) -> Result<RunningRival, Failure> {
        let (began, address) = (Instant::now(), free_address()?);
        let mut command = Command::new(&self.program);
        command.args(["serve", "--datastore-engine", "memory", "--grpc-addr", &address, "--log-level", "warn"]);
        command.args([
            "--http-enabled=false",
            "--metrics-enabled=false",
            "--telemetry-endpoint=",
            "--skip-release-check",
        ]);
        command.env("SPICEDB_GRPC_PRESHARED_KEY", KEY);
        let mut process = RivalProcess::spawn_quiet(command, &folder.join("log"))?;
        process.first_answer(|| write_schema(&address)).await?;
        let took = began.elapsed();
        Ok(RunningRival { processes: vec![process], backends: Vec::new(), addresses: vec![address], took })
    }

    async fn prepare(&self, running: &RunningRival, settings: &RivalSettings) -> Result<Work, Failure> {
        let address = running.address(0)?;
        let names: Vec<_> = (0..settings.posts).map(|number| format!("post{number}")).collect();
        let client = channel(address).await?;
        let updates = names.iter().map(|name| update(TOUCH, name, "user0")).collect();
        write(&client, updates).await?;
        let ids = Arc::new(PostIds::new(names, settings.seed)?);
        let mut work = Work::default();
        let checks = channels(address, CONNECTIONS).await?;
        let checks = checks.into_iter().map(|channel| {
            let ids = Arc::clone(&ids);
            check(channel, "user0", move || ids.one())
        });
        work.calls.insert(RivalCall::Verify, checks.collect());
        work.new_session = Some(Arc::new(move || {
            let client = client.clone();
            Box::pin(async move {
                write(&client, vec![update(TOUCH, "post0", "guest")]).await?;
                let ask = check(client.clone(), "guest", || "post0".to_owned());
                // Without a consistency, a check may use data of the last seconds: it waits until the grant is seen.
                while ask().ok_or_else(|| Status::internal("no call"))?.await.is_err() {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                let end = async move { write(&client, vec![update(DELETE, "post0", "guest")]).await };
                Ok(OpenSession { end: Box::pin(end), ask })
            })
        }));
        Ok(work)
    }
}

fn object(object_type: &str, object_id: &str) -> ObjectReference {
    ObjectReference { object_type: object_type.into(), object_id: object_id.into() }
}

fn update(operation: i32, post: &str, user: &str) -> RelationshipUpdate {
    let subject = Some(SubjectReference { object: Some(object("user", user)) });
    let relationship = Relationship { resource: Some(object("post", post)), relation: "reader".into(), subject };
    RelationshipUpdate { operation, relationship: Some(relationship) }
}

async fn write_schema(address: &str) -> Result<(), Failure> {
    let request = WriteSchemaRequest { schema: SCHEMA.into() };
    call::<_, EmptyAnswer>(&channel(address).await?, WRITE_SCHEMA, request).await?;
    Ok(())
}

async fn write(client: &Channel, updates: Vec<RelationshipUpdate>) -> Result<(), Status> {
    call::<_, EmptyAnswer>(client, WRITE, WriteRelationshipsRequest { updates }).await.map(drop)
}

/// Returns checks of a user's permission to read posts. A check fails if the user may not read.
fn check(client: Channel, user: &'static str, post: impl Fn() -> String + Send + Sync + 'static) -> LoadCall {
    Arc::new(move || {
        let (client, resource) = (client.clone(), Some(object("post", &post())));
        let subject = Some(SubjectReference { object: Some(object("user", user)) });
        let request = CheckPermissionRequest { resource, permission: "read".into(), subject };
        Some(Box::pin(async move {
            let answer: CheckPermissionResponse = call(&client, CHECK, request).await?;
            let is_granted = answer.permissionship == HAS_PERMISSION;
            if is_granted { Ok(()) } else { Err(Status::unauthenticated("the user may not read the post")) }
        }) as CallFuture<()>)
    })
}

/// Calls a method with the shared key.
async fn call<Q, A>(client: &Channel, path: &'static str, request: Q) -> Result<A, Status>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let mut client = Grpc::new(client.clone());
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let mut request = Request::new(request);
    let bearer = format!("Bearer {KEY}").parse().map_err(|_| Status::internal("the key is no header"))?;
    request.metadata_mut().insert("authorization", bearer);
    let path = PathAndQuery::from_static(path);
    Ok(client.unary(request, path, ProstCodec::<Q, A>::default()).await?.into_inner())
}
