//! Lines that tell a person about the pair that has started, with commands to try.

use std::path::Path;

use auth_service::{AuthGreeting, StartFacts};
use blog_service::BlogGreeting;
use kit::cli::Greeting;

use crate::place::{GrpcurlAccess, PairPlace};

/// Facts of the pair's settings.
pub(crate) struct PairGreeting {
    pub(crate) auth: AuthGreeting,
    pub(crate) blog: BlogGreeting,
    pub(crate) auth_at: PairPlace,
    pub(crate) blog_at: PairPlace,
}

impl PairGreeting {
    /// Prints the greeting to standard error, because standard output is for scripts.
    pub(crate) fn print(&self, folder: &Path, facts: StartFacts) {
        let (auth, blog) = (self.auth_at.access(), self.blog_at.access());
        let greeting = Greeting::new("gatepost");
        let greeting = greeting.row("auth", auth.place()).row("blog", blog.place());
        let greeting = self.blog.with_operations(self.auth.with_operations(greeting));
        let greeting = greeting.row("data", format!("{}, SQLite", folder.display()));
        let command = admin_command(folder);
        let greeting = self.auth.with_accounts(greeting, facts, &command);
        greeting.hints(hints(&auth, &blog, self.auth.is_open())).print();
    }
}

/// Returns the command that makes an admin in this folder.
fn admin_command(folder: &Path) -> String {
    let folder = folder.display().to_string();
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "/._-".contains(char);
    let quoted = if folder.chars().all(is_plain) { folder } else { format!("'{}'", folder.replace('\'', r"'\''")) };
    format!("gatepost admin create EMAIL --data-dir {quoted}")
}

/// Returns commands that keep a token in `TOKEN` and use it. They can be pasted again. No line contains a token.
fn hints(auth: &GrpcurlAccess, blog: &GrpcurlAccess, is_open: bool) -> String {
    let GrpcurlAccess { flags: auth_flags, address: auth_at, .. } = auth;
    let GrpcurlAccess { flags: blog_flags, address: blog_at, .. } = blog;
    let login =
        |user: &str| format!("grpcurl {auth_flags} -d '{{{user}}}' {auth_at} gatepost.auth.v1.AuthService/Login");
    let token = if is_open {
        let user = r#""email":"ada@example.com","password":"correct horse battery staple""#;
        format!(
            "{{ grpcurl {auth_flags} -d '{{\"name\":\"Ada\",{user}}}' {auth_at} \
             gatepost.auth.v1.UserService/CreateUser 2>/dev/null || {}; }}",
            login(user)
        )
    } else {
        login(r#""email":"EMAIL","password":"PASSWORD""#)
    };
    let send = format!("grpcurl {blog_flags} -H \"api-token: $TOKEN\"");
    format!(
        "Try, in another terminal:\n  TOKEN=$({token} | sed -n 's/.*\"accessToken\": \"\\(.*\\)\",*/\\1/p')\n  \
         {send} -d '{{\"title\":\"Hello\",\"content\":\"First post.\"}}' {blog_at} gatepost.blog.v1.PostService/CreatePost\n  \
         {send} {blog_at} gatepost.blog.v1.PostService/ListPosts\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_of_the_command_is_quoted() {
        assert!(admin_command(Path::new("gatepost-data")).ends_with("--data-dir gatepost-data"));
        assert!(admin_command(Path::new("a b")).ends_with("--data-dir 'a b'"));
    }
}
