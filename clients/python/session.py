"""A session that renews itself: each call sends the current token, and a refused token is renewed once."""

from reflected import Refused

AUTH = "gatepost.auth.v1.AuthService"
DOMAIN = "auth.gatepost.dev"

REFRESH_ONCE = "refresh once"
SESSION_OVER = "session over"
RETRY = "retry"
PASS_ON = "pass on"

# A client's reaction to each reason. Other reasons, and those of other domains, are passed on. So is OUTCOME_UNKNOWN: only
# the caller knows if the call may be repeated.
REACTIONS = {
    "TOKEN_INVALID": REFRESH_ONCE,
    "TOKEN_EXPIRED": REFRESH_ONCE,
    "TOKEN_REVOKED": REFRESH_ONCE,
    "USER_DELETED": SESSION_OVER,
    "USER_DISABLED": SESSION_OVER,
    "REFRESH_TOKEN_INVALID": SESSION_OVER,
    "REFRESH_TOKEN_REUSED": SESSION_OVER,
    "AUTH_UNAVAILABLE": RETRY,
    "STORE_UNAVAILABLE": RETRY,
    "STORE_FULL": RETRY,
    "OVERLOADED": RETRY,
    "TOO_MANY_ATTEMPTS": RETRY,
}


class SessionOver(Exception):
    """The end of a session; only a login starts another one. `reason` is the auth service's."""

    def __init__(self, reason):
        super().__init__(f"the session is over ({reason}), log in again")
        self.reason = reason


def reason(refusal):
    """Returns the auth service's reason for a refusal; None for any other refusal."""
    info = refusal.details.get("google.rpc.ErrorInfo")
    return info.reason if info is not None and info.domain == DOMAIN else None


def reaction(refusal):
    """Returns a client's reaction to a refusal."""
    return REACTIONS.get(reason(refusal), PASS_ON)


class Session:
    """The session of these tokens from a login or a registration. Only one thread at a time may use it."""

    def __init__(self, auth, tokens):
        self.auth = auth
        self.access = tokens.access_token
        self.refresh_token = tokens.refresh_token
        self.over = None

    def call(self, server, service, method, **fields):
        """Calls a guarded unary method. If the token is refused, renews it once and repeats the call.

        The guard refuses a call before its handler starts, so the call takes effect only once.

        Raises `SessionOver`, and `Refused` for all other refusals. This includes reasons with the reaction `RETRY`: only
        the caller knows whether there is time to wait as long as `google.rpc.RetryInfo` says.
        """
        try:
            return self._attempt(server, service, method, fields)
        except Refused as refusal:
            if reaction(refusal) != REFRESH_ONCE:
                raise
        self.refresh()
        try:
            return self._attempt(server, service, method, fields)
        except Refused as refusal:
            if reaction(refusal) != REFRESH_ONCE:
                raise
            raise self._end(refusal) from refusal

    def refresh(self):
        """Gets the next pair of tokens. After UNAVAILABLE or OUTCOME_UNKNOWN, call this again: for a minute the same refresh
        token gets the same successor."""
        if self.over:
            raise SessionOver(self.over)
        try:
            tokens = self.auth.call(AUTH, "RefreshToken", refresh_token=self.refresh_token).tokens
        except Refused as refusal:
            if reaction(refusal) == SESSION_OVER:
                raise self._end(refusal) from refusal
            raise
        self.access, self.refresh_token = tokens.access_token, tokens.refresh_token

    def _attempt(self, server, service, method, fields):
        if self.over:
            raise SessionOver(self.over)
        try:
            return server.call(service, method, self.access, **fields)
        except Refused as refusal:
            if reaction(refusal) == SESSION_OVER:
                raise self._end(refusal) from refusal
            raise

    def _end(self, refusal):
        self.over = reason(refusal)
        return SessionOver(self.over)
