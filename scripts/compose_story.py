"""Writes to a running compose project, while its containers are killed and started again.

  compose_story.py healthy PROJECT                 waits until all containers are healthy
  compose_story.py drill PROJECT AUTH BLOG FILE    kills each container in turn; FILE gets the acknowledged writes
  compose_story.py verify PROJECT AUTH BLOG FILE   checks that all of them are there

AUTH and BLOG are HOST:PORT. Needs clients/python with its requirements, and `docker`.
"""

import json
import pathlib
import subprocess
import sys
import threading
import time
import uuid

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "clients/python"))

from reflected import Refused, Server  # noqa: E402
from story import AUTH, POSTS, USERS, Unexpected, done, expect  # noqa: E402

HEALTH = "grpc.health.v1.Health"
PASSWORD = "correct horse battery staple"
SERVING, NOT_SERVING = 1, 2

# Codes of calls that fail while a container is down, and that may be repeated with the same request id.
PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}

# The detail of a refusal that says when to retry, for example above a user's quota.
RETRY_INFO = "google.rpc.RetryInfo"

# Time limit in seconds; more than any step takes on a busy machine.
LIMIT = 120

# Seconds for which a guard admits calls on earlier evidence from the auth service.
EVIDENCE = 1


class Client:
    """The two services, with a new connection after each lost one."""

    def __init__(self, auth, blog):
        self.addresses = {"auth": auth, "blog": blog}
        self.servers = {}

    def once(self, name, service, method, token=None, /, **fields):
        """Makes a call. Raises `Refused` also if no service answers."""
        try:
            server = self.servers.get(name) or self.servers.setdefault(name, Server(self.addresses[name]))
            return server.call(service, method, token, **fields)
        except (Refused, grpc.RpcError, KeyError) as error:
            self.servers.pop(name).channel.close()
            if isinstance(error, Refused):
                raise
            # Reflection, which precedes a call, did not answer.
            raise Refused(grpc.StatusCode.UNAVAILABLE, str(error), {}) from error

    def call(self, *arguments, **fields):
        """Repeats a call with the same request id until it is acknowledged. Waits as long as a refusal says."""
        give_up = time.monotonic() + LIMIT
        while True:
            try:
                return self.once(*arguments, **fields)
            except Refused as refusal:
                again = refusal.details.get(RETRY_INFO)
                if not (again or refusal.code in PASSING) or time.monotonic() > give_up:
                    raise
                time.sleep(again.retry_delay.ToTimedelta().total_seconds() if again else 0.1)

    def health(self, name):
        return self.call(name, HEALTH, "Check").status


class Writer(threading.Thread):
    """Writes posts, and sometimes a user; keeps the acknowledged writes."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client, self.posts, self.users = client, [], []
        self.more, self.stop, self.error = threading.Condition(), threading.Event(), None
        self.token = self.register()

    def register(self):
        email = f"ada-{uuid.uuid4().hex}@example.com"
        answer = self.client.call("auth", USERS, "CreateUser", name="Ada", email=email, password=PASSWORD,
                                  request_id=str(uuid.uuid4()))
        self.users.append(email)
        return answer.tokens.access_token

    def run(self):
        try:
            while not self.stop.is_set():
                content = f"post {len(self.posts)}"
                post = self.client.call("blog", POSTS, "CreatePost", self.token, title="Drill", content=content,
                                        request_id=str(uuid.uuid4())).post
                with self.more:
                    self.posts.append((post.id, content))
                    self.more.notify_all()
                if len(self.posts) % 100 == 0:
                    self.register()
        except Exception as error:  # Raised by the waiting thread.
            with self.more:
                self.error = error
                self.more.notify_all()

    def goes_on(self):
        """Waits for ten more posts."""
        with self.more:
            wanted = len(self.posts) + 10
            if not self.more.wait_for(lambda: self.error or len(self.posts) >= wanted, LIMIT):
                raise Unexpected(f"the story has stopped: {len(self.posts)} of {wanted} posts")
        if self.error:
            raise self.error

    def end(self):
        self.stop.set()
        self.join(LIMIT)
        if self.error:
            raise self.error


def docker(*arguments):
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


class Container:
    """One of the project's containers."""

    def __init__(self, project, service):
        labels = {"project": project, "service": service}
        filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
        self.service, self.id = service, docker("ps", "-aq", *filters)
        if not self.id or "\n" in self.id:
            raise Unexpected(f"{project} must have exactly one container of {service}, has: {self.id!r}")

    def kill(self):
        docker("kill", "--signal=KILL", self.id)
        done(f"killed {self.service}")

    def start(self):
        since = time.time()
        docker("start", self.id)
        self.hears("health_status: healthy", since)
        done(f"started {self.service}; it is healthy")

    def hears(self, event, since, limit=LIMIT):
        """Waits for an engine's event about this container since this time."""
        command = ["docker", "events", f"--since={since:.6f}", f"--filter=container={self.id}", "--format={{json .}}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as events:
            timer = threading.Timer(limit, events.kill)
            timer.start()
            try:
                for line in events.stdout:
                    heard = json.loads(line)
                    if heard["Action"].startswith(event):
                        return heard["Actor"]["Attributes"]
            finally:
                timer.cancel()
                events.kill()
        raise Unexpected(f"{self.service}: no {event!r} within {limit} s")

    def health(self):
        return docker("inspect", "--format={{.State.Health.Status}}", self.id)


def blog_is_killed(client, writer, postgres, auth, blog):
    blog.kill()
    expect(client.health("auth"), SERVING, "auth's health")
    blog.start()


def auth_is_killed(client, writer, postgres, auth, blog):
    since = time.time()
    auth.kill()
    # A token is accepted while the guard's evidence is fresh. After that the guard must not call the token bad.
    over = time.monotonic() + EVIDENCE
    while True:
        begun = time.monotonic()
        try:
            client.once("blog", POSTS, "ListPosts", writer.token)
        except Refused as refusal:
            expect(refusal.code, grpc.StatusCode.UNAVAILABLE, f"the code of {refusal}")
            expect(refusal.details["google.rpc.ErrorInfo"].reason, "AUTH_UNAVAILABLE", "its reason")
            break
        if begun > over:
            raise Unexpected(f"a guarded call succeeded {begun - over + EVIDENCE:.1f} s after the auth service's end")
    expect(client.health("blog"), SERVING, "blog's own health")
    # An earlier probe does not count.
    probe = blog.hears("exec_create", since)["execID"]
    while (ended := blog.hears("exec_die", since))["execID"] != probe:
        since = time.time()
    expect((ended["exitCode"], blog.health()), ("0", "healthy"), "the result of blog's probe")
    done("blog is healthy, and its guard refuses with AUTH_UNAVAILABLE")
    auth.start()


def postgres_is_killed(client, writer, postgres, auth, blog):
    since = time.time()
    postgres.kill()
    for name, container in (("auth", auth), ("blog", blog)):
        container.hears("health_status: unhealthy", since)
        expect(client.health(name), NOT_SERVING, f"{name}'s health")
    done("both services are unhealthy")
    since = time.time()
    postgres.start()
    for name, container in (("auth", auth), ("blog", blog)):
        container.hears("health_status: healthy", since)
        expect(client.health(name), SERVING, f"{name}'s health")
    done("both services are healthy again")


def look_for(client, users, posts):
    """Checks that all acknowledged writes are there, once, and that the users can log in."""
    for email in users:
        token = client.call("auth", AUTH, "Login", email=email, password=PASSWORD).tokens.access_token
    found, page_token = [], ""
    while True:
        page = client.call("blog", POSTS, "ListPosts", token, page_size=100, page_token=page_token)
        found += [post.id for post in page.posts]
        page_token = page.next_page_token
        if not page_token:
            break
    missing = [id for id, _ in posts if found.count(id) != 1]
    if missing:
        raise Unexpected(f"{len(missing)} of {len(posts)} acknowledged posts are lost or there twice: {missing[:3]}")
    for id, content in posts[::10]:
        expect(client.call("blog", POSTS, "GetPost", token, id=id).post.content, content, f"post {id}")
    done(f"{len(posts)} acknowledged posts and {len(users)} users are there")


def containers(project):
    return [Container(project, service) for service in ("postgres", "auth-service", "blog-service")]


def healthy(project):
    for container in containers(project):
        since = time.time()
        if container.health() != "healthy":
            container.hears("health_status: healthy", since)
    done("all containers are healthy")


def drill(client, project, file):
    writer = Writer(Client(client.addresses["auth"], client.addresses["blog"]))
    writer.start()
    for fault in (blog_is_killed, auth_is_killed, postgres_is_killed):
        writer.goes_on()
        fault(client, writer, *containers(project))
        writer.goes_on()
        done("the story continues")
    writer.end()
    pathlib.Path(file).write_text(json.dumps([writer.users, writer.posts]))
    look_for(client, writer.users, writer.posts)


def main(arguments):
    try:
        match arguments:
            case ["healthy", project]:
                healthy(project)
            case ["drill", project, auth, blog, file]:
                drill(Client(auth, blog), project, file)
            case ["verify", _, auth, blog, file]:
                look_for(Client(auth, blog), *json.loads(pathlib.Path(file).read_text()))
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (Unexpected, Refused) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
