"""DescribeDelegationToken (API key 41): list delegation tokens."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BYTES, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class DescribeDelegationTokenOwner(Struct):
    """`owners` of `DescribeDelegationTokenRequest`."""

    principal_type: str = field(STRING, "0+", default="")
    """The principal's type: `User`."""
    principal_name: str = field(STRING, "0+", default="")
    """The principal's name."""


class DescribeDelegationTokenRequest(
    Request, api_key=ApiKey.DESCRIBE_DELEGATION_TOKEN, versions="1-3", flexible="2+"
):
    """Asks to list delegation tokens."""

    owners: list[DescribeDelegationTokenOwner] | None = field(
        array(DescribeDelegationTokenOwner), "0+", factory=list, nullable="0+"
    )
    """The owners whose tokens are wanted; null for all."""


class DescribedDelegationTokenRenewer(Struct):
    """`renewers` of `DescribeDelegationTokenResponse`."""

    principal_type: str = field(STRING, "0+", default="")
    """The principal's type: `User`."""
    principal_name: str = field(STRING, "0+", default="")
    """The principal's name."""


class DescribedDelegationToken(Struct):
    """`tokens` of `DescribeDelegationTokenResponse`."""

    principal_type: str = field(STRING, "0+", default="")
    """The principal's type: `User`."""
    principal_name: str = field(STRING, "0+", default="")
    """The principal's name."""
    token_requester_principal_type: str = field(STRING, "3+", default="")
    """The type of the principal that asked for the token."""
    token_requester_principal_name: str = field(STRING, "3+", default="")
    """The name of the principal that asked for the token."""
    issue_timestamp: int = field(INT64, "0+", default=0)
    """When the token was made, in ms since 1970."""
    expiry_timestamp: int = field(INT64, "0+", default=0)
    """When the token expires, in ms since 1970."""
    max_timestamp: int = field(INT64, "0+", default=0)
    """Until when the token can be renewed, in ms since 1970."""
    token_id: str = field(STRING, "0+", default="")
    """The token's id."""
    hmac: bytes = field(BYTES, "0+", default=b"")
    """The token's secret."""
    renewers: list[DescribedDelegationTokenRenewer] = field(
        array(DescribedDelegationTokenRenewer), "0+", factory=list
    )
    """The principals that may renew the token."""


class DescribeDelegationTokenResponse(
    Response, api_key=ApiKey.DESCRIBE_DELEGATION_TOKEN, versions="1-3", flexible="2+"
):
    """Answers `DescribeDelegationTokenRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    tokens: list[DescribedDelegationToken] = field(array(DescribedDelegationToken), "0+", factory=list)
    """Token by token."""
    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
