"""Envelope (API key 58): forward a request to the controller with its principal."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BYTES, INT16, Request, Response, field


class EnvelopeRequest(Request, api_key=ApiKey.ENVELOPE, versions="0", flexible="0+"):
    """Asks to forward a request to the controller with its principal."""

    request_data: bytes = field(BYTES, "0+", default=b"")
    """The forwarded request, header included."""
    request_principal: bytes | None = field(BYTES, "0+", default=b"", nullable="0+")
    """The client's principal."""
    client_host_address: bytes = field(BYTES, "0+", default=b"")
    """The client's address."""


class EnvelopeResponse(Response, api_key=ApiKey.ENVELOPE, versions="0", flexible="0+"):
    """Answers `EnvelopeRequest`."""

    response_data: bytes | None = field(BYTES, "0+", default=None, nullable="0+")
    """The forwarded answer, header included."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
