"""From the options every client command has to a confluent-kafka client that reports its faults in plain words."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeAlias, TypeVar

import typer

from ottla.cli.addresses import Address, connection_fault, parse_addresses
from ottla.cli.errors import CommandError, UnreachableError, UsageError
from ottla.cli.shared_options import with_options

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Producer
    from confluent_kafka.admin import AdminClient

    from ottla.client.access import Access

T = TypeVar("T")

Property: TypeAlias = str | int | float | bool

BootstrapOption = Annotated[
    str,
    typer.Option(
        "--bootstrap",
        "-b",
        metavar="HOST:PORT,...",
        envvar="OTTLA_BOOTSTRAP",
        help="Where the cluster is: one address of it is enough.",
        rich_help_panel="Connection",
    ),
]
PropertyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--property",
        "-X",
        metavar="KEY=VALUE",
        help="A property of the client (librdkafka's names), e.g. security.protocol=SSL. May be repeated.",
        rich_help_panel="Connection",
    ),
]
PropertyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--property-file",
        "--command-config",
        metavar="FILE",
        help="Client properties from a file, key=value a line, of librdkafka's names or Java's.",
        rich_help_panel="Connection",
    ),
]
TimeoutOption = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=0.1,
        help="How long to wait for an answer.",
        rich_help_panel="Connection",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

DEFAULT_BOOTSTRAP = "127.0.0.1:9092"
DEFAULT_TIMEOUT_S = 15.0

CONNECTION_OPTIONS = (
    ("bootstrap", BootstrapOption, DEFAULT_BOOTSTRAP),
    ("properties", PropertyOption, None),
    ("property_file", PropertyFileOption, None),
    ("timeout_s", TimeoutOption, DEFAULT_TIMEOUT_S),
)


@dataclass(slots=True)
class Connection:
    """A cluster's addresses and the properties of the clients that talk to it."""

    addresses: tuple[Address, ...]
    properties: dict[str, Property]
    timeout_s: float
    complaints: list[str] = field(default_factory=list)
    """What librdkafka reported while working (a broker unreachable, TLS refused), the last few."""
    refusal: "KafkaError | None" = None
    """What it reported last of a log-in that was refused; it goes on trying, and all that fails then is the time."""

    _admin: "AdminClient | None" = None
    _access: "Access | None" = None

    MAX_COMPLAINTS: ClassVar[int] = 20

    @property
    def bootstrap(self) -> str:
        """The addresses as they are given to a client and shown in messages."""
        return ",".join(str(address) for address in self.addresses)

    def admin(self) -> "AdminClient":
        """The admin client, one for the whole command: a request dies with the client that sent it.

        Fails at once where nobody listens, rather than after librdkafka's retries.
        """
        from confluent_kafka.admin import AdminClient

        if self._admin is None:
            self._admin = self._make(AdminClient, {})
        return self._admin

    def producer(self, properties: dict[str, Property]) -> "Producer":
        """A producer with these properties below the user's own."""
        from confluent_kafka import Producer

        return self._make(Producer, properties)

    def consumer(self, properties: dict[str, Property]) -> "Consumer":
        """A consumer with these properties below the user's own."""
        from confluent_kafka import Consumer

        return self._make(Consumer, properties)

    def _make(self, client: type[T], properties: dict[str, Property]) -> T:
        self.check_reachable()
        from confluent_kafka import KafkaException

        settings: dict[str, object] = {
            "client.id": "ottla-cli",
            "socket.connection.setup.timeout.ms": max(1000, int(self.timeout_s * 1000)),
            "reconnect.backoff.max.ms": 1000,
            "allow.auto.create.topics": False,
            **properties,
            **self._librdkafkas(),
            "bootstrap.servers": self.bootstrap,
            "error_cb": self._complain,
        }
        if client.__name__ != "Consumer":
            settings.pop("allow.auto.create.topics")
        try:
            return client(settings, logger=_silent_logger())  # type: ignore[call-arg]
        except (KafkaException, TypeError, ValueError) as error:
            fault = error.args[0] if error.args else error
            what = fault.str() if hasattr(fault, "str") else str(fault)
            raise UsageError(
                f"the client does not accept these properties: {what}",
                where="--property / --property-file",
                remedy="names and values are librdkafka's (its CONFIGURATION.md)",
            ) from None

    def _librdkafkas(self) -> dict[str, object]:
        from ottla.cli.token_files import with_token_callback

        try:
            return with_token_callback(self.properties)
        except ValueError as error:
            raise UsageError(
                f"sasl.oauthbearer.token.endpoint.url: {error}", where="--property / --property-file"
            ) from None

    def access(self) -> "Access":
        """The same way to the cluster for connections of our own: a token is fetched once for all of them."""
        from ottla.client.access import AccessError, access_of

        if self._access is None:
            try:
                self._access = access_of(self.properties)
            except AccessError as error:
                raise UsageError(
                    str(error),
                    where="--property / --property-file",
                    remedy="names and values are librdkafka's (its CONFIGURATION.md)",
                ) from None
        return self._access

    def check_reachable(self) -> None:
        """Raise unless at least one of the addresses accepts a connection."""
        faults: list[str] = []
        for address in self.addresses:
            fault = connection_fault(address, min(self.timeout_s, 5.0))
            if fault is None:
                return
            faults.append(f"{address}: {fault}")
        raise UnreachableError(
            "no broker can be reached",
            where="; ".join(faults),
            remedy="start one with `ottla up`, or give its address with --bootstrap HOST:PORT; "
            f"`ottla doctor {self.addresses[0]}` looks closer",
        )

    def _complain(self, error: "KafkaError") -> None:
        if error.name() == "_AUTHENTICATION":
            self.refusal = error
        self.complaints.append(error.str())
        del self.complaints[: -self.MAX_COMPLAINTS]

    def listen(self) -> None:
        """Hear what the admin client has to complain of: it tells when it is polled only."""
        if self._admin is not None:
            self._admin.poll(0)

    def wait(self, future: "Future[T]", doing: str, *, subject: str | None = None) -> T:
        """The result of a future; every way in which it can fail becomes a `CommandError`."""
        with self.explained(doing, subject=subject):
            return future.result(self.timeout_s + 5)

    @contextlib.contextmanager
    def explained(self, doing: str, *, subject: str | None = None) -> Iterator[None]:
        """Turn what confluent-kafka raises while `doing` something to `subject` into a `CommandError`."""
        from confluent_kafka import KafkaException

        from ottla.cli.explanations import explain

        try:
            yield
        except KafkaException as error:
            raise explain(error.args[0], doing, subject, self) from None
        except TimeoutError:
            raise self.no_answer(doing) from None
        except ValueError as error:
            raise UsageError(f"cannot {doing}: {error}", where=subject) from None

    def no_answer(self, doing: str) -> CommandError:
        """The error for a cluster that accepts connections, yet does not answer."""
        from ottla.cli.explanations import refused

        self.listen()
        if self.refusal is not None:
            return refused(self.refusal, doing, self)
        complaint = f" ({self.complaints[-1]})" if self.complaints else ""
        return UnreachableError(
            f"cannot {doing}: no answer within {self.timeout_s:g} s",
            where=f"{self.bootstrap}{complaint}",
            remedy=f"`ottla doctor {self.addresses[0]}` tells what answers there; --timeout waits longer",
        )


def on_cluster(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function whose first argument is a `Connection`: the options that describe one are added."""
    return with_options(
        command, CONNECTION_OPTIONS, lambda *described: contextlib.nullcontext(connect(*described))
    )


def connect(
    bootstrap: str,
    properties: list[str] | None,
    property_file: Path | None,
    timeout_s: float,
) -> Connection:
    """The connection that the common options describe. Nothing is sent yet."""
    settings: dict[str, Property] = {}
    if property_file:
        from ottla.cli.java_properties import in_librdkafkas_terms

        settings |= in_librdkafkas_terms(read_property_file(property_file), str(property_file))
    for assignment in properties or ():
        name, value = split_assignment(assignment, "--property")
        settings[name] = value
    named = settings.pop("bootstrap.servers", None)
    if isinstance(named, str) and bootstrap == DEFAULT_BOOTSTRAP:
        bootstrap = named
    return Connection(parse_addresses(bootstrap), settings, timeout_s)


def read_property_file(path: Path) -> dict[str, str]:
    """Read `key=value` lines; `#` and `!` begin comments, a backslash at its end goes on with the next line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"the property file cannot be read: {reason}",
            where=str(path),
            remedy="give a readable file of key=value",
        ) from None
    settings: dict[str, str] = {}
    begun = ""
    for number, line in enumerate([*lines, ""], 1):
        text = begun + line.strip()
        begun = ""
        if not text or text[0] in "#!":
            continue
        if text.endswith("\\"):
            begun = text[:-1]
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            # Not the line itself: it may hold a password.
            raise UsageError("this line is not of the form KEY=VALUE", where=f"{path} line {number}")
        settings[name.strip()] = value.strip()
    return settings


def split_assignment(text: str, where: str) -> tuple[str, str]:
    """Split `key=value`; the value may hold further `=` and may be empty."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(
            f"{text!r} is not of the form KEY=VALUE", where=where, remedy="write e.g. retention.ms=60000"
        )
    return name.strip(), value.strip()


def _silent_logger() -> logging.Logger:
    # librdkafka logs to standard error by itself; its complaints are kept and shown when a command fails.
    logger = logging.getLogger("ottla.cli.librdkafka")
    logger.addHandler(logging.NullHandler())
    return logger
