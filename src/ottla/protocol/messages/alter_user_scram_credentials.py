"""AlterUserScramCredentials (API key 51): change users' SCRAM credentials."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BYTES, INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class ScramCredentialDeletion(Struct):
    """`deletions` of `AlterUserScramCredentialsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    mechanism: int = field(INT8, "0+", default=0)
    """The SASL mechanism."""


class ScramCredentialUpsertion(Struct):
    """`upsertions` of `AlterUserScramCredentialsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    mechanism: int = field(INT8, "0+", default=0)
    """The SASL mechanism."""
    iterations: int = field(INT32, "0+", default=0)
    """The rounds of SCRAM's hash."""
    salt: bytes = field(BYTES, "0+", default=b"")
    """The random salt."""
    salted_password: bytes = field(BYTES, "0+", default=b"")
    """The password, salted and hashed."""


class AlterUserScramCredentialsRequest(
    Request, api_key=ApiKey.ALTER_USER_SCRAM_CREDENTIALS, versions="0", flexible="0+"
):
    """Asks to change users' SCRAM credentials."""

    deletions: list[ScramCredentialDeletion] = field(array(ScramCredentialDeletion), "0+", factory=list)
    """The credentials to delete."""
    upsertions: list[ScramCredentialUpsertion] = field(array(ScramCredentialUpsertion), "0+", factory=list)
    """The credentials to create or change."""


class AlterUserScramCredentialsResult(Struct):
    """`results` of `AlterUserScramCredentialsResponse`."""

    user: str = field(STRING, "0+", default="")
    """The user's name."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""


class AlterUserScramCredentialsResponse(
    Response, api_key=ApiKey.ALTER_USER_SCRAM_CREDENTIALS, versions="0", flexible="0+"
):
    """Answers `AlterUserScramCredentialsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    results: list[AlterUserScramCredentialsResult] = field(
        array(AlterUserScramCredentialsResult), "0+", factory=list
    )
    """What became of each part of the request."""
