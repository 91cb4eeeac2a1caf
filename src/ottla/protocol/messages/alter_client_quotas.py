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
    entity_name: str | None = field(STRING, "0+", default="", nullable="0+")


class OpData(Struct):
    """`ops` of `AlterClientQuotasRequest`."""

    key: str = field(STRING, "0+", default="")
    value: float = field(FLOAT64, "0+", default=0.0)
    remove: bool = field(BOOL, "0+", default=False)


class EntryData(Struct):
    """`entries` of `AlterClientQuotasRequest`."""

    entity: list[EntityData] = field(array(EntityData), "0+", factory=list)
    ops: list[OpData] = field(array(OpData), "0+", factory=list)


class AlterClientQuotasRequest(Request, api_key=ApiKey.ALTER_CLIENT_QUOTAS, versions="0-1", flexible="1+"):
    """Asks to change client quotas."""

    entries: list[EntryData] = field(array(EntryData), "0+", factory=list)
    validate_only: bool = field(BOOL, "0+", default=False)


class AlterClientQuotasResponseEntryData(Struct):
    """`entries` of `AlterClientQuotasResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    entity: list[EntityData] = field(array(EntityData), "0+", factory=list)


class AlterClientQuotasResponse(Response, api_key=ApiKey.ALTER_CLIENT_QUOTAS, versions="0-1", flexible="1+"):
    """Answers `AlterClientQuotasRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    entries: list[AlterClientQuotasResponseEntryData] = field(
        array(AlterClientQuotasResponseEntryData), "0+", factory=list
    )
