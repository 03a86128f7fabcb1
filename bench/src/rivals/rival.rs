//! The rivals, and the facts about them that no measurement shows.

use std::fmt;

use clap::ValueEnum;
use clap::builder::PossibleValue;

/// A product that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// This project; always measured.
    Gatepost,
    /// The pair as a Go team would write it by hand.
    GoPair,
    /// A tutorial's system on Flask.
    Flask,
    /// Envoy with `jwt_authn`, in front of the Go pair.
    EnvoyJwt,
    /// Envoy with `ext_authz` and an authorizer in Go, in front of the Go pair.
    EnvoyExtAuthz,
    /// `PocketBase`.
    PocketBase,
    /// Ory Kratos.
    Kratos,
    /// Ory Hydra.
    Hydra,
    /// `SpiceDB`.
    SpiceDb,
    /// Keycloak.
    Keycloak,
}

impl Rival {
    /// Returns all products: Gatepost, and its rivals in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::Gatepost,
        Self::GoPair,
        Self::Flask,
        Self::EnvoyJwt,
        Self::EnvoyExtAuthz,
        Self::PocketBase,
        Self::Kratos,
        Self::Hydra,
        Self::SpiceDb,
        Self::Keycloak,
    ];

    /// Returns the name on the command line and in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gatepost => "gatepost",
            Self::GoPair => "go-pair",
            Self::Flask => "flask",
            Self::EnvoyJwt => "envoy-jwt",
            Self::EnvoyExtAuthz => "envoy-ext-authz",
            Self::PocketBase => "pocketbase",
            Self::Kratos => "kratos",
            Self::Hydra => "hydra",
            Self::SpiceDb => "spicedb",
            Self::Keycloak => "keycloak",
        }
    }

    /// Returns the algorithm and cost of its password hashes; `None` if it checks no passwords.
    pub fn hash(self) -> Option<&'static str> {
        match self {
            Self::Gatepost => Some("argon2id 19 MiB, t=2, p=1"),
            Self::Flask => Some("scrypt 32 MiB, N=2^15, r=8, p=1"),
            Self::GoPair | Self::PocketBase => Some("bcrypt 10"),
            Self::Kratos => Some("bcrypt 12"),
            Self::Keycloak => Some("argon2id 7 MiB, t=5, p=1"),
            Self::EnvoyJwt | Self::EnvoyExtAuthz | Self::Hydra | Self::SpiceDb => None,
        }
    }
}

impl ValueEnum for Rival {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

impl fmt::Display for Rival {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Rival;

    #[test]
    fn page_describes_each_rival() {
        let page = include_str!("../../../docs/rivals.md");
        for rival in Rival::ALL.iter().skip(1) {
            let name = rival.name();
            assert!(page.contains(&format!("\n### {name}\n")), "docs/rivals.md has no section `### {name}`");
            let hash = rival.hash().unwrap_or("no passwords");
            assert!(page.contains(&format!("| `{name}` | {hash} |")), "docs/rivals.md: no row `{name}` with {hash}");
        }
    }
}
