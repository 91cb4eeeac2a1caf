"""CreateDelegationToken (API key 38): create a delegation token."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BYTES, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class CreatableRenewers(Struct):
    """`renewers` of `CreateDelegationTokenRequest`."""

    principal_type: str = field(STRING, "0+", default="")
    """The principal's type: `User`."""
    principal_name: str = field(STRING, "0+", default="")
    """The principal's name."""


class CreateDelegationTokenRequest(
    Request, api_key=ApiKey.CREATE_DELEGATION_TOKEN, versions="1-3", flexible="2+"
):
    """Asks to create a delegation token."""

    owner_principal_type: str | None = field(STRING, "3+", default="", nullable="3+")
    """The type of the token's owner."""
    owner_principal_name: str | None = field(STRING, "3+", default="", nullable="3+")
    """The name of the token's owner."""
    renewers: list[CreatableRenewers] = field(array(CreatableRenewers), "0+", factory=list)
    """The principals that may renew the token."""
    max_lifetime_ms: int = field(INT64, "0+", default=0)
    """The longest the token may live; -1 for the broker's limit."""


class CreateDelegationTokenResponse(
    Response, api_key=ApiKey.CREATE_DELEGATION_TOKEN, versions="1-3", flexible="2+"
):
    """Answers `CreateDelegationTokenRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    principal_type: str = field(STRING, "0+", default="")
    """The principal's type: `User`."""
    principal_name: str = field(STRING, "0+", default="")
    """The principal's name."""
    token_requester_principal_type: str = field(STRING, "3+", default="")
    """The type of the principal that asked for the token."""
    token_requester_principal_name: str = field(STRING, "3+", default="")
    """The name of the principal that asked for the token."""
    issue_timestamp_ms: int = field(INT64, "0+", default=0)
    """When the token was made, in ms since 1970."""
    expiry_timestamp_ms: int = field(INT64, "0+", default=0)
    """When it expires, in ms since 1970."""
    max_timestamp_ms: int = field(INT64, "0+", default=0)
    """Until when the token can be renewed, in ms since 1970."""
    token_id: str = field(STRING, "0+", default="")
    """The token's id."""
    hmac: bytes = field(BYTES, "0+", default=b"")
    """The token's secret."""
    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
