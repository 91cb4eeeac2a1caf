"""DescribeClientQuotas (API key 48): list client quotas."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    BOOL,
    FLOAT64,
    INT8,
    INT16,
    INT32,
    STRING,
    Request,
    Response,
    Struct,
    array,
    field,
)


class ComponentData(Struct):
    """`components` of `DescribeClientQuotasRequest`."""

    entity_type: str = field(STRING, "0+", default="")
    """The kind of entity: `user`, `client-id` or `ip`."""
    match_type: int = field(INT8, "0+", default=0)
    """0 an exact name, 1 the default entity, 2 any."""
    match: str | None = field(STRING, "0+", default="", nullable="0+")
    """The name to match; null where the match type needs none."""


class DescribeClientQuotasRequest(
    Request, api_key=ApiKey.DESCRIBE_CLIENT_QUOTAS, versions="0-1", flexible="1+"
):
    """Asks to list client quotas."""

    components: list[ComponentData] = field(array(ComponentData), "0+", factory=list)
    """What to match, part by part."""
    strict: bool = field(BOOL, "0+", default=False)
    """Whether entities with further parts are left out."""


class EntityData(Struct):
    """`entity` of `DescribeClientQuotasResponse`."""

    entity_type: str = field(STRING, "0+", default="")
    """The kind of entity: `user`, `client-id` or `ip`."""
    entity_name: str | None = field(STRING, "0+", default="", nullable="0+")
    """The entity's name; null for the default one."""


class ValueData(Struct):
    """`values` of `DescribeClientQuotasResponse`."""

    key: str = field(STRING, "0+", default="")
    """What is asked for."""
    value: float = field(FLOAT64, "0+", default=0.0)
    """Its value."""


class EntryData(Struct):
    """`entries` of `DescribeClientQuotasResponse`."""

    entity: list[EntityData] = field(array(EntityData), "0+", factory=list)
    """Whose quota it is, part by part."""
    values: list[ValueData] = field(array(ValueData), "0+", factory=list)
    """Quotas by name."""


class DescribeClientQuotasResponse(
    Response, api_key=ApiKey.DESCRIBE_CLIENT_QUOTAS, versions="0-1", flexible="1+"
):
    """Answers `DescribeClientQuotasRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    entries: list[EntryData] | None = field(array(EntryData), "0+", factory=list, nullable="0+")
    """What is asked for, or answered, one by one."""
