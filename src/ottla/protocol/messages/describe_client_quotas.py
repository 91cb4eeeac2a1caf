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
    match_type: int = field(INT8, "0+", default=0)
    match: str | None = field(STRING, "0+", default="", nullable="0+")


class DescribeClientQuotasRequest(
    Request, api_key=ApiKey.DESCRIBE_CLIENT_QUOTAS, versions="0-1", flexible="1+"
):
    """Asks to list client quotas."""

    components: list[ComponentData] = field(array(ComponentData), "0+", factory=list)
    strict: bool = field(BOOL, "0+", default=False)


class EntityData(Struct):
    """`entity` of `DescribeClientQuotasResponse`."""

    entity_type: str = field(STRING, "0+", default="")
    entity_name: str | None = field(STRING, "0+", default="", nullable="0+")


class ValueData(Struct):
    """`values` of `DescribeClientQuotasResponse`."""

    key: str = field(STRING, "0+", default="")
    value: float = field(FLOAT64, "0+", default=0.0)


class EntryData(Struct):
    """`entries` of `DescribeClientQuotasResponse`."""

    entity: list[EntityData] = field(array(EntityData), "0+", factory=list)
    values: list[ValueData] = field(array(ValueData), "0+", factory=list)


class DescribeClientQuotasResponse(
    Response, api_key=ApiKey.DESCRIBE_CLIENT_QUOTAS, versions="0-1", flexible="1+"
):
    """Answers `DescribeClientQuotasRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    entries: list[EntryData] | None = field(array(EntryData), "0+", factory=list, nullable="0+")
