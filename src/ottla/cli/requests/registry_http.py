"""Requests to a Schema Registry: JSON over HTTP, and what its refusals mean as a `CommandError`.

One connection for the whole command, since a dump asks for every subject. What a client of Confluent's is told by its
properties (`basic.auth.user.info`, `bearer.auth.token`, `ssl.ca.location`, `schema.registry.url`) is read from a file or
the environment, never from the command line, where other users of the machine could see it.
"""

import base64
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, urlencode, urlsplit

from ottla.cli.errors import CommandError, UnreachableError, UsageError

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
DEFAULT_REGISTRY = "http://127.0.0.1:8081"

REMEDIES = {
    40301: "a rule has to allow it: `ottla schema acl list` shows them, `ottla schema acl add` makes one",
    40401: "`ottla schema list` shows the subjects; --deleted those that are deleted too",
    40402: "`ottla schema show SUBJECT` shows the latest version; `ottla schema list` how many there are",
    40403: "`ottla schema list` shows the ids",
    40404: "it is deleted already; --permanent deletes it for good",
    40405: "delete it without --permanent first",
    40407: "delete it without --permanent first",
    40901: "`ottla schema check` tells what is in the way; `ottla schema diff` what is different",
    42201: "correct the schema; --reference names what it refers to",
    42203: "the levels are NONE, BACKWARD, FORWARD, FULL and each of the last three with _TRANSITIVE",
    42205: "the mode of the registry or of the subject does not allow it",
    42206: "delete what refers to it first",
}
"""What to do, by the error codes of the REST API."""


class RegistryError(CommandError):
    """The registry said no. `code` is its own (40401…), or the status where it has none."""

    def __init__(self, what: str, *, code: int, where: str) -> None:
        super().__init__(what, where=where, remedy=REMEDIES.get(code))
        self.code = code


@dataclass(slots=True)
class Registry:
    """A Schema Registry at `url`. Nothing is sent before the first request."""

    url: str
    timeout_s: float = 15.0
    user_info: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    _connection: HTTPConnection | None = field(default=None, repr=False)

    MAX_ANSWER_BYTES: ClassVar[int] = 256 * 1024 * 1024

    def __post_init__(self) -> None:
        parts = urlsplit(self.url if "://" in self.url else f"http://{self.url}")
        try:
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound or parts.query or parts.fragment:
            raise UsageError(
                "that is no address of a registry",
                where=f"--registry {parts.scheme}://{parts.hostname or ''}",
                remedy=f"write e.g. {DEFAULT_REGISTRY}",
            )
        if parts.username:
            # Kept out of what is shown.
            self.user_info = self.user_info or f"{parts.username}:{parts.password or ''}"
            parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        self.url = parts.geturl().rstrip("/")

    def get(self, *path: str, **query: str | int | bool | None) -> Any:
        """What is at a path; its parts are quoted here."""
        return self._send("GET", path, query, None)

    def post(self, *path: str, body: object, **query: str | int | bool | None) -> Any:
        return self._send("POST", path, query, body)

    def put(self, *path: str, body: object, **query: str | int | bool | None) -> Any:
        return self._send("PUT", path, query, body)

    def delete(self, *path: str, **query: str | int | bool | None) -> Any:
        return self._send("DELETE", path, query, None)

    def _send(
        self,
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, str | int | bool | None],
        body: object,
    ) -> Any:
        parts = urlsplit(self.url)
        target = parts.path + "/" + "/".join(quote(part, safe="") for part in path)
        words = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in query.items()
            if value is not None
        }
        if words:
            target += f"?{urlencode(words)}"
        where = f"{method} {parts.scheme}://{parts.netloc}{target}"
        payload = None if body is None else json.dumps(body).encode()
        status, answer = self._exchange(method, target, payload, where)
        try:
            value = json.loads(answer) if answer else None
        except ValueError:
            value = None
            if status < 400:
                raise CommandError(
                    "the answer is no JSON: is this a Schema Registry?",
                    where=where,
                    remedy="check --registry",
                ) from None
        if status >= 400:
            raise _refusal(status, value, where)
        return value

    def _exchange(self, method: str, target: str, payload: bytes | None, where: str) -> tuple[int, bytes]:
        headers = {"Accept": f"{CONTENT_TYPE}, application/json", "User-Agent": "ottla-cli"}
        if payload is not None:
            headers["Content-Type"] = CONTENT_TYPE
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        elif self.user_info is not None:
            headers["Authorization"] = f"Basic {base64.b64encode(self.user_info.encode()).decode()}"
        for attempt in (1, 2):
            reused = self._connection is not None
            connection = self._connection or self._connect()
            self._connection = connection
            try:
                connection.request(method, target, payload, headers)
                response = connection.getresponse()
                return response.status, self._read(response, where)
            except (OSError, HTTPException) as error:
                self._connection = None
                connection.close()
                # A connection that idled may have been closed meanwhile. A new one that fails tells something.
                if not reused or attempt == 2 or isinstance(error, TimeoutError):
                    raise self._unreachable(error) from None
        raise AssertionError("unreachable")

    def _read(self, response: HTTPResponse, where: str) -> bytes:
        answer = response.read(self.MAX_ANSWER_BYTES + 1)
        if len(answer) > self.MAX_ANSWER_BYTES:
            raise CommandError(f"the answer is longer than {self.MAX_ANSWER_BYTES} bytes", where=where)
        if response.will_close:
            self._connection = None
        return answer

    def _connect(self) -> HTTPConnection:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "http":
            return HTTPConnection(host, parts.port or 80, timeout=self.timeout_s)
        try:
            context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"the certificates cannot be read: {error}",
                where=str(self.ca_file),
                remedy="ssl.ca.location has to name a file of PEM certificates",
            ) from None
        return HTTPSConnection(host, parts.port or 443, timeout=self.timeout_s, context=context)

    def _unreachable(self, error: Exception) -> UnreachableError:
        if isinstance(error, TimeoutError):
            reason = f"no answer within {self.timeout_s:g} s"
        elif isinstance(error, ssl.SSLError):
            reason = f"TLS failed: {error.reason or error}"
        else:
            reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
        return UnreachableError(
            f"no registry can be reached: {reason}",
            where=self.url,
            remedy="start one with `ottla up`, or give its address with --registry http://HOST:PORT",
        )

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _refusal(status: int, value: object, where: str) -> RegistryError:
    if status in (401, 403) and not (isinstance(value, dict) and value.get("message")):
        value = {"message": "the registry asks for a login" if status == 401 else "the registry forbids it"}
    if isinstance(value, dict) and "message" in value:
        code = value.get("error_code")
        error = RegistryError(
            str(value["message"]), code=code if isinstance(code, int) else status, where=where
        )
    else:
        error = RegistryError(f"the registry answered with status {status}", code=status, where=where)
    if status == 401:
        error.remedy = "set OTTLA_REGISTRY_USER=NAME:PASSWORD, or basic.auth.user.info in --property-file"
    return error


def as_object(value: object, where: str) -> dict[str, Any]:
    """A JSON object; raises CommandError for anything else."""
    if not isinstance(value, dict):
        raise CommandError(
            "the answer is none of a Schema Registry's", where=where, remedy="check --registry"
        )
    return value


def as_list(value: object, where: str) -> list[Any]:
    """A JSON list; raises CommandError for anything else."""
    if not isinstance(value, list):
        raise CommandError(
            "the answer is none of a Schema Registry's", where=where, remedy="check --registry"
        )
    return value
