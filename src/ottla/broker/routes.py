"""From an api key and a version, as they stand in a frame, to what decodes, handles and encodes it."""

from collections.abc import Iterable
from struct import Struct
from typing import Any, cast

from ottla.broker.dispatch import Registration, announced_versions, error_response
from ottla.broker.sending import Part
from ottla.metrics.instruments import Percentiles
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import decode, encode_into
from ottla.protocol.declare import Request, Response
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.messages.api_versions import ApiVersion, ApiVersionsResponse

_ANSWER = Struct(">ii")


class Route:
    """One API in one version. Counts its requests: plain integers, read by the metrics page."""

    __slots__ = (
        "_flexible",
        "_leading",
        "api_key",
        "api_version",
        "errors",
        "handler",
        "large_bytes",
        "milliseconds",
        "name",
        "registration",
        "request_class",
        "requests",
        "shortcut",
    )

    def __init__(self, registration: Registration, api_version: int, milliseconds: Percentiles) -> None:
        self.registration = registration
        self.request_class = registration.request_class
        self.handler = registration.handler
        self.large_bytes = registration.large_bytes
        self.api_key = registration.api_key
        self.api_version = api_version
        self.shortcut = None if registration.shortcut is None else registration.shortcut(api_version)
        self.name = registration.request_class.__name__.removesuffix("Request")
        self._flexible = api_version in registration.request_class.flexible
        # A client that asks for versions doesn't know yet whether tagged fields are understood (KIP-511).
        tagged = self._flexible and self.api_key is not ApiKey.API_VERSIONS
        self._leading = bytes(9) if tagged else bytes(8)
        self.requests = 0
        self.errors: dict[ErrorCode, int] = {}
        """Whole requests answered with an error, by code."""
        self.milliseconds = milliseconds

    def decode(self, body: memoryview) -> Request:
        """The request behind the header's client id. Raises `ProtocolError`."""
        if self._flexible:
            body = body[1:] if len(body) and body[0] == 0 else _after_tagged_fields(body)
        return decode(self.request_class, self.api_version, body)

    def encode(self, response: Response | bytes, correlation_id: int) -> bytearray | list[Part]:
        """A whole frame; as a list of parts when file slices are in it. `response` as bytes is the encoded body."""
        encoded = bytearray(self._leading)
        if isinstance(response, bytes):
            encoded += response
            _ANSWER.pack_into(encoded, 0, len(encoded) - 4, correlation_id)
            return encoded
        slices: list[tuple[int, Any]] = []
        encode_into(response, self.api_version, encoded, slices)
        if not slices:
            _ANSWER.pack_into(encoded, 0, len(encoded) - 4, correlation_id)
            return encoded
        size = len(encoded) - 4
        parts: list[Part] = []
        view, start = memoryview(encoded), 0
        for position, source in slices:
            size += source.size_in_bytes
            if position > start:
                parts.append(view[start:position])
                start = position
            parts.append(source)
        if start < len(encoded):
            parts.append(view[start:])
        _ANSWER.pack_into(encoded, 0, size, correlation_id)
        return parts

    def error_answer(self, request: Request, code: ErrorCode, message: str) -> Response | None:
        return error_response(self.registration, request, self.api_version, code, message)

    def observe(self, seconds: float) -> None:
        """A request took so long from its last byte to its answer."""
        self.requests += 1
        self.milliseconds.observe(seconds * 1000)

    def failed(self, code: ErrorCode) -> None:
        """A whole request was answered with an error."""
        self.errors[code] = self.errors.get(code, 0) + 1


def _after_tagged_fields(body: memoryview) -> memoryview:
    """The header's tagged fields skipped: varint count, then each varint tag, varint size, bytes."""
    count, position = _varint(body, 0)
    for _ in range(count):
        _, position = _varint(body, position)
        size, position = _varint(body, position)
        position += size
        if position > len(body):
            raise ProtocolError("a tagged field of the header reaches past the frame's end")
    return body[position:]


def _varint(body: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(body) or shift > 28:
            raise ProtocolError("a varint in the header is cut short or too long")
        byte = body[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


class Routes:
    """Every route of one broker, by `api_key << 16 | api_version`."""

    def __init__(self, registrations: Iterable[Registration]) -> None:
        registrations = list(registrations)
        self.announced = announced_versions(registrations)
        self.by_number: dict[int, Route] = {}
        self.milliseconds: dict[str, Percentiles] = {}
        """Times of all versions of an API together, by its name."""
        for each in registrations:
            name = each.request_class.__name__.removesuffix("Request")
            times = self.milliseconds[name] = Percentiles()
            for version in range(each.lowest_version, each.highest_version + 1):
                self.by_number[(each.api_key << 16) | version] = Route(each, version, times)

    def unsupported_version_answer(self, api_key: int, correlation_id: int) -> bytearray | None:
        """What a client gets that asks for ApiVersions in a version from the future; None for other APIs."""
        known = self.by_number.get(ApiKey.API_VERSIONS << 16)
        if api_key != ApiKey.API_VERSIONS or known is None:
            return None
        versions = known.registration
        response = ApiVersionsResponse(
            error_code=ErrorCode.UNSUPPORTED_VERSION,
            api_keys=[
                ApiVersion(
                    api_key=api_key, min_version=versions.lowest_version, max_version=versions.highest_version
                )
            ],
        )
        return cast("bytearray", known.encode(response, correlation_id))
