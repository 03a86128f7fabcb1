"""One user's story against a running pair: python story.py [--gzip] AUTH_ADDR BLOG_ADDR [CA_FILE [CERT_FILE KEY_FILE]]

With the file of an authority the calls use TLS, and with a certificate and its key mutual TLS. With --gzip requests are
compressed. Prints a line for each step; exits with 0 only if every answer was as expected.
"""

import pathlib
import secrets
import sys

import grpc

from reflected import Refused, Server
from session import Session, SessionOver

AUTH = "gatepost.auth.v1.AuthService"
USERS = "gatepost.auth.v1.UserService"
POSTS = "gatepost.blog.v1.PostService"


class Unexpected(Exception):
    """An unexpected answer."""


def expect(actual, expected, what):
    if actual != expected:
        raise Unexpected(f"{what} is {actual!r}, not {expected!r}")


def done(step):
    print(f"ok  {step}", flush=True)


def refused(code, reason, domain, call):
    """Makes a call that must be refused in this way, and returns the refusal."""
    try:
        call()
    except Refused as refusal:
        expect(refusal.code, code, "the status code")
        info = refusal.details.get("google.rpc.ErrorInfo")
        if info is None:
            raise Unexpected(f"{refusal} has no ErrorInfo") from refusal
        expect((info.reason, info.domain), (reason, domain), "the reason and its domain")
        return refusal
    raise Unexpected(f"the call succeeded; {reason} was expected")


def unauthenticated(reason, call):
    """Makes a call whose token must be refused; both services use the auth service's domain."""
    return refused(grpc.StatusCode.UNAUTHENTICATED, reason, "auth.gatepost.dev", call)


def comments(server, service, method):
    found = server.comments(service)
    for name in (service.rpartition(".")[2], method):
        if not found.get(name, "").strip().startswith(name):
            raise Unexpected(f"reflection serves no comment on {service}: {name}: {found.get(name)!r}")
    done(f"reflection describes {service}, with its comments")


def register(auth):
    email = f"ada-{secrets.token_hex(8)}@example.com"
    answer = auth.call(USERS, "CreateUser", name="Ada", email=email, password="correct horse battery staple")
    expect((answer.user.name, answer.user.email), ("Ada", email), "the new user")
    if not answer.tokens.access_token:
        raise Unexpected("registration did not log in")
    done(f"registered {email}")
    return answer.user, answer.tokens


def blog_posts(blog, token, owner):
    created = blog.call(POSTS, "CreatePost", token, title="Hello", content="First post.").post
    expect((created.title, created.content), ("Hello", "First post."), "the new post")
    expect(created.owner_id, owner.id, "its owner")
    done(f"created post {created.id}")

    read = blog.call(POSTS, "GetPost", token, id=created.id).post
    expect(read, created, "the post as it is read")
    done("read it again")

    page = blog.call(POSTS, "ListPosts", token, page_size=10)
    expect([post.content for post in page.posts if post.id == created.id], [""], "the post's content in a list")
    done(f"found it in a page of {len(page.posts)}")


def refusals(blog, token):
    refusal = unauthenticated("TOKEN_MISSING", lambda: blog.call(POSTS, "CreatePost", title="Hello", content="…"))
    expect(refusal.message, "Authentication token not provided", "the message")
    done("refused a call without a token: TOKEN_MISSING")

    refusal = refused(
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_FIELDS",
        "blog.gatepost.dev",
        lambda: blog.call(POSTS, "CreatePost", token, title="", content="First post."),
    )
    violations = refusal.details["google.rpc.BadRequest"].field_violations
    expect([violation.field for violation in violations], ["title"], "the list of wrong fields")
    done(f"refused an empty title: {violations[0].description}")


def long_post(blog, token):
    """Writes and reads a post that gzip makes much shorter."""
    content = "A long post. " * 10_000
    created = blog.call(POSTS, "CreatePost", token, title="Long", content=content).post
    expect(blog.call(POSTS, "GetPost", token, id=created.id).post.content == content, True, "the long content")
    done(f"wrote and read a post of {len(content)} bytes")


class Stubborn:
    """A server that refuses every token as invalid."""

    def __init__(self, server):
        self.server = server

    def call(self, service, method, token=None, **fields):
        return self.server.call(service, method, "garbled", **fields)


def ended(reason, call):
    """Makes a call in a session that must be over for this reason."""
    try:
        call()
    except SessionOver as over:
        expect(over.reason, reason, "why the session is over")
        return
    raise Unexpected(f"the session continued; {reason} was expected")


def renewals(auth, blog, tokens):
    """Checks that a refused token is renewed once, and that the session is over then. Each reason has a row in `REACTIONS`."""
    session = Session(auth, tokens)
    session.access = "garbled"
    session.call(blog, POSTS, "ListPosts")
    if session.access in ("garbled", tokens.access_token):
        raise Unexpected("the refused token was not renewed")
    done("renewed a refused token: TOKEN_INVALID")
    before = session.access
    ended("TOKEN_INVALID", lambda: session.call(Stubborn(blog), POSTS, "ListPosts"))
    if session.access == before:
        raise Unexpected("the token was not renewed")
    ended("TOKEN_INVALID", lambda: session.call(blog, POSTS, "ListPosts"))
    done("gave up when the next token was refused too")


def sessions(auth, blog):
    _, tokens = register(auth)
    renewals(auth, blog, tokens)
    _, tokens = register(auth)
    session = Session(auth, tokens)
    session.call(auth, AUTH, "Logout")
    ended("REFRESH_TOKEN_INVALID", lambda: session.call(blog, POSTS, "ListPosts"))
    done("found the session over after its logout: REFRESH_TOKEN_INVALID")


def leave(auth, blog, token):
    auth.call(AUTH, "Logout", token)
    done("logged out")
    unauthenticated("TOKEN_REVOKED", lambda: auth.call(USERS, "GetMe", token))
    unauthenticated("TOKEN_REVOKED", lambda: blog.call(POSTS, "ListPosts", token))
    done("refused the same token at both services: TOKEN_REVOKED")


def story(auth, blog):
    for server, service, method in ((auth, USERS, "CreateUser"), (blog, POSTS, "CreatePost")):
        if service not in server.services():
            raise Unexpected(f"reflection does not list {service}")
        comments(server, service, method)
    user, tokens = register(auth)
    token = tokens.access_token
    expect(auth.call(USERS, "GetMe", token).user, user, "the user behind the token")
    done("asked who the token is: the same user")
    blog_posts(blog, token, user)
    long_post(blog, token)
    refusals(blog, token)
    leave(auth, blog, token)
    sessions(auth, blog)


def credentials(files):
    """Returns the credentials of these files: an authority, and perhaps a certificate with its key."""
    if not files:
        return None
    contents = [pathlib.Path(file).read_bytes() for file in files]
    ca, certificate, key = contents if len(contents) == 3 else (contents[0], None, None)
    return grpc.ssl_channel_credentials(ca, private_key=key, certificate_chain=certificate)


def main(arguments):
    compression = grpc.Compression.NoCompression
    if arguments[:1] == ["--gzip"]:
        compression, arguments = grpc.Compression.Gzip, arguments[1:]
    if len(arguments) not in (2, 3, 5):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        tls = credentials(arguments[2:])
        with Server(arguments[0], tls, compression) as auth, Server(arguments[1], tls, compression) as blog:
            story(auth, blog)
    except (Unexpected, Refused, SessionOver) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except grpc.RpcError as error:
        print(f"failed: reflection: {error.code().name}: {error.details()}", file=sys.stderr)
        return 1
    except KeyError as error:
        print(f"failed: reflection does not know {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
