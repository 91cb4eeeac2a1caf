"""AlterClientQuotas (API key 49): change client quotas."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    BOOL,
    FLOAT64,
    INT16,
    INT32,
    STRING,
    Request,
    Response,
    Struct,
    array,
    field,
)


class EntityData(Struct):
    """`entity` of `AlterClientQuotasRequest`."""

    entity_type: str = field(STRING, "0+", default="")
    """The kind of entity: `user`, `client-id` or `ip`."""
    entity_name: str | None = field(STRING, "0+", default="", nullable="0+")
    """The entity's name; null for the default one."""


class OpData(Struct):
    """`ops` of `AlterClientQuotasRequest`."""

    key: str = field(STRING, "0+", default="")
    """The quota's name."""
    value: float = field(FLOAT64, "0+", default=0.0)
    """The quota to set, where it is not removed."""
    remove: bool = field(BOOL, "0+", default=False)
    """Whether to remove it rather than set it."""


class EntryData(Struct):
    """`entries` of `AlterClientQuotasRequest`."""

    entity: list[EntityData] = field(array(EntityData), "0+", factory=list)
    """Whose quota it is, part by part."""
    ops: list[OpData] = field(array(OpData), "0+", factory=list)
    """The quotas to set or remove."""


class AlterClientQuotasRequest(Request, api_key=ApiKey.ALTER_CLIENT_QUOTAS, versions="0-1", flexible="1+"):
    """Asks to change client quotas."""

    entries: list[EntryData] = field(array(EntryData), "0+", factory=list)
    """What is asked for, or answered, one by one."""
    validate_only: bool = field(BOOL, "0+", default=False)
    """Only tell what would become of it."""


class AlterClientQuotasResponseEntryData(Struct):
    """`entries` of `AlterClientQuotasResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    entity: list[EntityData] = field(array(EntityData), "0+", factory=list)
    """Whose quota it is, part by part."""


class AlterClientQuotasResponse(Response, api_key=ApiKey.ALTER_CLIENT_QUOTAS, versions="0-1", flexible="1+"):
    """Answers `AlterClientQuotasRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    entries: list[AlterClientQuotasResponseEntryData] = field(
        array(AlterClientQuotasResponseEntryData), "0+", factory=list
    )
    """What is asked for, or answered, one by one."""
