"""DescribeDelegationToken (API key 41): list delegation tokens."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BYTES, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class DescribeDelegationTokenOwner(Struct):
    """`owners` of `DescribeDelegationTokenRequest`."""

    principal_type: str = field(STRING, "0+", default="")
    principal_name: str = field(STRING, "0+", default="")


class DescribeDelegationTokenRequest(
    Request, api_key=ApiKey.DESCRIBE_DELEGATION_TOKEN, versions="1-3", flexible="2+"
):
    """Asks to list delegation tokens."""

    owners: list[DescribeDelegationTokenOwner] | None = field(
        array(DescribeDelegationTokenOwner), "0+", factory=list, nullable="0+"
    )


class DescribedDelegationTokenRenewer(Struct):
    """`renewers` of `DescribeDelegationTokenResponse`."""

    principal_type: str = field(STRING, "0+", default="")
    principal_name: str = field(STRING, "0+", default="")


class DescribedDelegationToken(Struct):
    """`tokens` of `DescribeDelegationTokenResponse`."""

    principal_type: str = field(STRING, "0+", default="")
    principal_name: str = field(STRING, "0+", default="")
    token_requester_principal_type: str = field(STRING, "3+", default="")
    token_requester_principal_name: str = field(STRING, "3+", default="")
    issue_timestamp: int = field(INT64, "0+", default=0)
    expiry_timestamp: int = field(INT64, "0+", default=0)
    max_timestamp: int = field(INT64, "0+", default=0)
    token_id: str = field(STRING, "0+", default="")
    hmac: bytes = field(BYTES, "0+", default=b"")
    renewers: list[DescribedDelegationTokenRenewer] = field(
        array(DescribedDelegationTokenRenewer), "0+", factory=list
    )


class DescribeDelegationTokenResponse(
    Response, api_key=ApiKey.DESCRIBE_DELEGATION_TOKEN, versions="1-3", flexible="2+"
):
    """Answers `DescribeDelegationTokenRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    tokens: list[DescribedDelegationToken] = field(array(DescribedDelegationToken), "0+", factory=list)
    throttle_time_ms: int = field(INT32, "0+", default=0)
