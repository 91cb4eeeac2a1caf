"""DescribeUserScramCredentials (API key 50): list users with SCRAM credentials."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class UserName(Struct):
    """`users` of `DescribeUserScramCredentialsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""


class DescribeUserScramCredentialsRequest(
    Request, api_key=ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS, versions="0", flexible="0+"
):
    """Asks to list users with SCRAM credentials."""

    users: list[UserName] | None = field(array(UserName), "0+", factory=list, nullable="0+")
    """The users; null or none for all."""


class CredentialInfo(Struct):
    """`credential_infos` of `DescribeUserScramCredentialsResponse`."""

    mechanism: int = field(INT8, "0+", default=0)
    """The SASL mechanism."""
    iterations: int = field(INT32, "0+", default=0)
    """The rounds of SCRAM's hash."""


class DescribeUserScramCredentialsResult(Struct):
    """`results` of `DescribeUserScramCredentialsResponse`."""

    user: str = field(STRING, "0+", default="")
    """The user's name."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    credential_infos: list[CredentialInfo] = field(array(CredentialInfo), "0+", factory=list)
    """The user's credentials."""


class DescribeUserScramCredentialsResponse(
    Response, api_key=ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS, versions="0", flexible="0+"
):
    """Answers `DescribeUserScramCredentialsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    results: list[DescribeUserScramCredentialsResult] = field(
        array(DescribeUserScramCredentialsResult), "0+", factory=list
    )
    """What became of each part of the request."""
