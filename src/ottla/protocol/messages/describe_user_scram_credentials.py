"""DescribeUserScramCredentials (API key 50): list users with SCRAM credentials."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class UserName(Struct):
    """`users` of `DescribeUserScramCredentialsRequest`."""

    name: str = field(STRING, "0+", default="")


class DescribeUserScramCredentialsRequest(
    Request, api_key=ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS, versions="0", flexible="0+"
):
    """Asks to list users with SCRAM credentials."""

    users: list[UserName] | None = field(array(UserName), "0+", factory=list, nullable="0+")


class CredentialInfo(Struct):
    """`credential_infos` of `DescribeUserScramCredentialsResponse`."""

    mechanism: int = field(INT8, "0+", default=0)
    iterations: int = field(INT32, "0+", default=0)


class DescribeUserScramCredentialsResult(Struct):
    """`results` of `DescribeUserScramCredentialsResponse`."""

    user: str = field(STRING, "0+", default="")
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    credential_infos: list[CredentialInfo] = field(array(CredentialInfo), "0+", factory=list)


class DescribeUserScramCredentialsResponse(
    Response, api_key=ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS, versions="0", flexible="0+"
):
    """Answers `DescribeUserScramCredentialsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    results: list[DescribeUserScramCredentialsResult] = field(
        array(DescribeUserScramCredentialsResult), "0+", factory=list
    )
