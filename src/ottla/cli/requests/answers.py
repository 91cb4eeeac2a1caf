"""Requests that confluent-kafka cannot make, or whose errors it keeps to itself: asked over a connection of our own, with the TLS and
the log-in that the properties name.
"""

from typing import TypeVar

from ottla.cli.connection import Connection
from ottla.cli.errors import CommandError, UnreachableError
from ottla.cli.explanations import REMEDIES
from ottla.client.one_request import NotKafkaError, ask
from ottla.client.sasl import LoginError
from ottla.protocol.declare import Request, Response
from ottla.protocol.errors import ErrorCode, ProtocolError

AnyResponse = TypeVar("AnyResponse", bound=Response)


def answered(
    connection: Connection, request: Request, response: type[AnyResponse], version: int, doing: str
) -> AnyResponse:
    """What the first broker that can be asked answers. Raises `CommandError` for a command that was `doing` something."""
    access = connection.access()
    connection.check_reachable()
    faults: list[str] = []
    for address in connection.addresses:
        try:
            return ask(address.host, address.port, request, response, version, connection.timeout_s, access)
        except LoginError as error:
            raise CommandError(
                f"cannot {doing}: {error}", where=str(address), remedy=REMEDIES["_AUTHENTICATION"]
            ) from None
        except (OSError, NotKafkaError, ProtocolError) as error:
            faults.append(f"{address}: {error}")
    raise UnreachableError(
        f"cannot {doing}: no broker answered",
        where="; ".join(faults),
        remedy=f"`ottla doctor {connection.addresses[0]}` looks closer",
    )


def raise_unless_fine(error_code: int, message: str | None, doing: str, where: str) -> None:
    """Raise the `CommandError` for an answer's error code, if it has one."""
    if error_code == ErrorCode.NONE:
        return
    try:
        name = ErrorCode(error_code).name
    except ValueError:
        name = str(error_code)
    raise CommandError(f"cannot {doing}: {message or name} ({name})", where=where, remedy=REMEDIES.get(name))
