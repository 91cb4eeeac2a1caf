"""The settings of all brokers at once, a resource whose name is empty, which confluent-kafka cannot name."""

from collections.abc import Mapping, Sequence
from typing import Final

from ottla.cli.connection import Connection
from ottla.cli.requests.answers import answered, raise_unless_fine
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


def describe_all_brokers(connection: Connection) -> list[DescribeConfigsResourceResult]:
    """The settings made for all brokers."""
    resource = DescribeConfigsResource(
        resource_type=BROKER_RESOURCE, resource_name="", configuration_keys=None
    )
    request = DescribeConfigsRequest(resources=[resource], include_synonyms=True)
    answer = answered(connection, request, DescribeConfigsResponse, DESCRIBE_VERSION, "read the settings")
    result = answer.results[0]
    raise_unless_fine(result.error_code, result.error_message, "read the settings", _where(connection))
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
    answer = answered(
        connection, request, IncrementalAlterConfigsResponse, ALTER_VERSION, "change the settings"
    )
    for result in answer.responses:
        raise_unless_fine(result.error_code, result.error_message, "change the settings", _where(connection))


def _where(connection: Connection) -> str:
    return f"all brokers on {connection.bootstrap}"
