//! Account of the server process: PostgreSQL refuses to run as root.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::geteuid;

use super::error::{PostgresError, failed};

/// An account for a process of root.
#[derive(Clone, Copy)]
pub(super) struct ServerAccount {
    user: u32,
    group: u32,
}

impl ServerAccount {
    /// Returns the account `postgres`, or `nobody` if it is missing. Returns `None` unless this process runs as root.
    pub(super) fn find() -> Result<Option<Self>, PostgresError> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let known = fs::read_to_string("/etc/passwd").map_err(failed("find an account"))?;
        let found = ["postgres", "nobody"].iter().find_map(|name| entry(&known, name));
        found.map(Some).ok_or_else(|| failed("find an account")("root may not run it, and there is no `nobody`"))
    }

    /// Makes the command run as this account, without root's groups.
    pub(super) fn apply(self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }
}

/// Returns the account of this name in `/etc/passwd`: `name:password:user:group:…`.
fn entry(known: &str, name: &str) -> Option<ServerAccount> {
    let mut fields = known.lines().map(|line| line.split(':')).find_map(|mut fields| {
        let found = fields.next() == Some(name);
        found.then_some(fields)
    })?;
    fields.next()?;
    Some(ServerAccount { user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn account_is_found_by_its_whole_name() {
        let known = "root:x:0:0:root:/root:/bin/sh\nnobody2:x:7:8::/:\nnobody:x:65534:65533:nobody:/:\n";
        let found = entry(known, "nobody").unwrap();
        assert_eq!((found.user, found.group), (65534, 65533));
        assert!(entry(known, "postgres").is_none());
    }
}
