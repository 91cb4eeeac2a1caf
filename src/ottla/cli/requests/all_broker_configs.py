"""The settings of all brokers at once, a resource whose name is empty, which confluent-kafka cannot name."""

from collections.abc import Mapping, Sequence
from typing import Final

from ottla.cli.connection import Connection
from ottla.cli.errors import CommandError, UnreachableError, UsageError
from ottla.client.one_request import AnyResponse, NotKafkaError, ask
from ottla.protocol.declare import Request
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.messages.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
)
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)

BROKER_RESOURCE: Final = 4
SET_OPERATION: Final = 0
DELETE_OPERATION: Final = 1
DESCRIBE_VERSION: Final = 4
ALTER_VERSION: Final = 1
WHERE = "all brokers"


def describe_all_brokers(connection: Connection) -> list[DescribeConfigsResourceResult]:
    """The settings made for all brokers."""
    resource = DescribeConfigsResource(
        resource_type=BROKER_RESOURCE, resource_name="", configuration_keys=None
    )
    request = DescribeConfigsRequest(resources=[resource], include_synonyms=True)
    answer = _ask(connection, request, DescribeConfigsResponse, DESCRIBE_VERSION)
    result = answer.results[0]
    _raise_unless_fine(connection, "read the settings", result.error_code, result.error_message)
    return result.configs


def alter_all_brokers(
    connection: Connection, *, assign: Mapping[str, str], unset: Sequence[str], validate_only: bool
) -> None:
    """Set and unset settings of all brokers."""
    changes = [
        AlterableConfig(name=name, config_operation=SET_OPERATION, value=value)
        for name, value in assign.items()
    ]
    changes += [AlterableConfig(name=name, config_operation=DELETE_OPERATION, value=None) for name in unset]
    request = IncrementalAlterConfigsRequest(
        resources=[AlterConfigsResource(resource_type=BROKER_RESOURCE, resource_name="", configs=changes)],
        validate_only=validate_only,
    )
    answer = _ask(connection, request, IncrementalAlterConfigsResponse, ALTER_VERSION)
    for result in answer.responses:
        _raise_unless_fine(connection, "change the settings", result.error_code, result.error_message)


def _ask(connection: Connection, request: Request, response: type[AnyResponse], version: int) -> AnyResponse:
    protocol = str(connection.properties.get("security.protocol", "plaintext")).lower()
    if protocol != "plaintext":
        raise UsageError(
            "the settings of all brokers can be asked for over a plain connection only",
            where=f"security.protocol={protocol}",
            remedy="use a plain listener, or set them on each broker",
        )
    connection.check_reachable()
    faults: list[str] = []
    for address in connection.addresses:
        try:
            return ask(address.host, address.port, request, response, version, connection.timeout_s)
        except (OSError, NotKafkaError, ProtocolError) as error:
            faults.append(f"{address}: {error}")
    raise UnreachableError(
        "no broker answered",
        where="; ".join(faults),
        remedy=f"`ottla doctor {connection.addresses[0]}` looks closer",
    )


def _raise_unless_fine(connection: Connection, doing: str, code: int, message: str | None) -> None:
    if code == ErrorCode.NONE:
        return
    try:
        name = ErrorCode(code).name
    except ValueError:
        name = str(code)
    raise CommandError(
        f"cannot {doing}: {message or name} ({name})", where=f"{WHERE} on {connection.bootstrap}"
    )
