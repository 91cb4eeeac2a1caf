"""What a schema registry says of a schema, asked over HTTP. Every call waits: for threads.

    GET /schemas/ids/{id}/versions      the subjects that have it
    GET /schemas/ids/{id}               the schema, where the subject depends on the record's name
    GET /schemas/guids/{guid}/ids       its id, where a record names the schema by GUID

It works with any registry that has Confluent's API. The broker imports nothing of one; and this module only where a
topic's schemas are validated, since the HTTP client costs a start ten milliseconds.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ottla.broker.record_names import RecordNames, record_names
from ottla.broker.registry_login import LoginUnavailable, RegistryLogin

ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
_PIECE_BYTES: Final = 65_536
_DEFAULT_CONTEXT: Final = "."


class RegistryUnavailable(Exception):  # noqa: N818 - an outcome
    """No registry could be asked; the text says which, and why."""


class RegisteredSchema(NamedTuple):
    """What is known of one schema."""

    subjects: frozenset[str]
    """Empty: there is no such schema."""
    names: RecordNames
    """Empty where they were not asked for."""


UNKNOWN_SCHEMA: Final = RegisteredSchema(frozenset(), {})


class SchemaRegistry:
    """Registries of one cluster: the first that answers does. Holds no connection and no state."""

    def __init__(self, addresses: Sequence[str], login: RegistryLogin, *, timeout_s: float) -> None:
        """`addresses`: `http://host:port/path`, in the order in which they are tried; one may have `user:password@` of its own.
        `timeout_s` bounds one look-up as a whole."""
        self._registries = [_Registry(address, login) for address in addresses]
        self._timeout_s = timeout_s

    def look_up(self, schema: int | str, *, with_names: bool) -> RegisteredSchema:
        """Raises `RegistryUnavailable`."""
        deadline = time.monotonic() + self._timeout_s
        failures = []
        for registry in self._registries:
            try:
                return _looked_up(registry, schema, with_names, deadline)
            except RegistryUnavailable as error:
                failures.append(str(error))
            except (KeyError, TypeError, AttributeError, RecursionError):
                failures.append(f"{registry} answers something else than a schema registry")
        raise RegistryUnavailable("; ".join(failures) or "confluent.schema.registry.url is not set")


def _looked_up(registry: _Registry, schema: int | str, with_names: bool, deadline: float) -> RegisteredSchema:
    context = _DEFAULT_CONTEXT
    if isinstance(schema, str):
        found = registry.get(f"/schemas/guids/{schema}/ids", deadline)
        ids = [(each["context"], each["id"]) for each in found or ()]
        if not ids:
            return UNKNOWN_SCHEMA
        context, schema = next((each for each in ids if each[0] == _DEFAULT_CONTEXT), ids[0])
    query = "" if context == _DEFAULT_CONTEXT else f"?subject={quote(f':{context}:', safe='')}"
    versions = registry.get(f"/schemas/ids/{schema}/versions{query}", deadline)
    subjects = frozenset(each["subject"] for each in versions or ())
    if not subjects or not with_names:
        return RegisteredSchema(subjects, {})
    described = registry.get(f"/schemas/ids/{schema}{query}", deadline)
    if described is None:
        return UNKNOWN_SCHEMA
    return RegisteredSchema(subjects, record_names(described.get("schemaType", "AVRO"), described["schema"]))


class _Registry:
    """One address."""

    def __init__(self, address: str, login: RegistryLogin) -> None:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        self._is_secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._is_secure else 80)
        self._path = parts.path.rstrip("/")
        self._user_info = (
            f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        )
        self._login = login

    def __str__(self) -> str:
        return f"{'https' if self._is_secure else 'http'}://{self._host}:{self._port}{self._path}"

    def _connection(self, deadline: float) -> http.client.HTTPConnection:
        left_s = _left(deadline)
        if not self._is_secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=left_s)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=left_s, context=self._login.context()
        )

    def get(self, path: str, deadline: float) -> Any:
        """The answer; None where there is no such thing. Raises `RegistryUnavailable`."""
        try:
            headers = {
                "Accept": "application/vnd.schemaregistry.v1+json, application/json",
                **self._login.headers(self._user_info, deadline),
            }
            connection = self._connection(deadline)
        except (LoginUnavailable, OSError) as error:
            raise RegistryUnavailable(f"{self} cannot be asked: {error}") from None
        try:
            connection.request("GET", self._path + path, headers=headers)
            response = connection.getresponse()
            content = _content(response, connection.sock, deadline)
            if response.status == http.client.NOT_FOUND:
                return None
            if response.status == http.client.UNAUTHORIZED:
                self._login.refused()
            if response.status != http.client.OK:
                raise RegistryUnavailable(f"{self} answers {response.status} to GET {path}")
            return json.loads(content)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RegistryUnavailable(f"{self} cannot be asked: {error or type(error).__name__}") from error
        finally:
            connection.close()


def _content(response: http.client.HTTPResponse, sock: socket.socket | None, deadline: float) -> bytes:
    """The body. A registry that sends a byte now and then must not hold the thread longer than one that sends none."""
    pieces, size = [], 0
    while piece := response.read1(_PIECE_BYTES):
        size += len(piece)
        if size > ANSWER_BYTES_MAX:
            raise ValueError(f"the answer is larger than {ANSWER_BYTES_MAX} bytes")
        pieces.append(piece)
        if sock is not None:
            sock.settimeout(_left(deadline))
    return b"".join(pieces)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
