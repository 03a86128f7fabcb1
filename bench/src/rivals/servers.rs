//! The way to each rival's server, and the folders with its programs.

use std::path::{Path, PathBuf};

use super::Rival;
use super::envoy::{Envoy, EnvoyFilter};
use super::flask::Flask;
use super::hydra::Hydra;
use super::keycloak::Keycloak;
use super::kratos::Kratos;
use super::pair::Pair;
use super::pocketbase::PocketBase;
use super::spicedb::SpiceDb;
use super::work::RivalServer;

/// Returns the folders below `bench/rivals` whose programs a rival needs.
pub(super) fn folders(rival: Rival) -> &'static [&'static str] {
    match rival {
        Rival::Gatepost => &[],
        Rival::EnvoyJwt | Rival::EnvoyExtAuthz => &["envoy", "go-pair"],
        Rival::GoPair => &["go-pair"],
        Rival::Flask => &["flask"],
        Rival::PocketBase => &["pocketbase"],
        Rival::Kratos => &["kratos"],
        Rival::Hydra => &["hydra"],
        Rival::SpiceDb => &["spicedb"],
        Rival::Keycloak => &["keycloak"],
    }
}

/// Returns the server with the programs of these folders, in the order of [`folders`]. Gatepost has its program instead.
pub(super) fn server(rival: Rival, folders: &[PathBuf], gatepost: &Path) -> Box<dyn RivalServer> {
    let folder = |place: usize| folders.get(place).cloned().unwrap_or_default();
    match rival {
        Rival::Gatepost => Box::new(Pair::gatepost(gatepost)),
        Rival::GoPair => Box::new(Pair::in_go(&folder(0))),
        Rival::Flask => Box::new(Flask::new(folder(0))),
        Rival::EnvoyJwt => Box::new(Envoy::new(&folder(0), folder(1), EnvoyFilter::Jwt)),
        Rival::EnvoyExtAuthz => Box::new(Envoy::new(&folder(0), folder(1), EnvoyFilter::ExtAuthz)),
        Rival::PocketBase => Box::new(PocketBase::new(&folder(0))),
        Rival::Kratos => Box::new(Kratos::new(folder(0))),
        Rival::Hydra => Box::new(Hydra::new(&folder(0))),
        Rival::SpiceDb => Box::new(SpiceDb::new(&folder(0))),
        Rival::Keycloak => Box::new(Keycloak::new(folder(0))),
    }
}
