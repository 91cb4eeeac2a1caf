"""AlterUserScramCredentials (API key 51): change users' SCRAM credentials."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BYTES, INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class ScramCredentialDeletion(Struct):
    """`deletions` of `AlterUserScramCredentialsRequest`."""

    name: str = field(STRING, "0+", default="")
    mechanism: int = field(INT8, "0+", default=0)


class ScramCredentialUpsertion(Struct):
    """`upsertions` of `AlterUserScramCredentialsRequest`."""

    name: str = field(STRING, "0+", default="")
    mechanism: int = field(INT8, "0+", default=0)
    iterations: int = field(INT32, "0+", default=0)
    salt: bytes = field(BYTES, "0+", default=b"")
    salted_password: bytes = field(BYTES, "0+", default=b"")


class AlterUserScramCredentialsRequest(
    Request, api_key=ApiKey.ALTER_USER_SCRAM_CREDENTIALS, versions="0", flexible="0+"
):
    """Asks to change users' SCRAM credentials."""

    deletions: list[ScramCredentialDeletion] = field(array(ScramCredentialDeletion), "0+", factory=list)
    upsertions: list[ScramCredentialUpsertion] = field(array(ScramCredentialUpsertion), "0+", factory=list)


class AlterUserScramCredentialsResult(Struct):
    """`results` of `AlterUserScramCredentialsResponse`."""

    user: str = field(STRING, "0+", default="")
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")


class AlterUserScramCredentialsResponse(
    Response, api_key=ApiKey.ALTER_USER_SCRAM_CREDENTIALS, versions="0", flexible="0+"
):
    """Answers `AlterUserScramCredentialsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    results: list[AlterUserScramCredentialsResult] = field(
        array(AlterUserScramCredentialsResult), "0+", factory=list
    )
