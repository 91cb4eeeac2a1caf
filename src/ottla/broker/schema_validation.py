"""Whether the schemas that records name are registered under the subjects that they have to be (settings
`confluent.value.schema.validation` and `confluent.key.schema.validation` of a topic).

    batch ── read on a thread ─▶ the schemas it names ── known ─────────────────────▶ taken or refused
                                                      ── unknown: registry asked ───▶ within 2 s, or refused

What the registry said is remembered: for minutes what exists, for a second what doesn't, since a producer registers a schema
right before it first writes with it. A schema that several requests wait for is asked for once.

Source: what Confluent Server documents of its schema validation. The settings' names are its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple

from ottla.broker.record_names import name_of
from ottla.broker.record_schemas import REJECTION, NamedSchemas, SchemaReference, invalid_records
from ottla.broker.registry_login import registry_login
from ottla.broker.schema_registry import RegisteredSchema, RegistryUnavailable, SchemaRegistry
from ottla.config.broker_config import BrokerConfig
from ottla.config.broker_settings.schemas import ALLOW
from ottla.config.subject_names import names_records, subject_name
from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import KafkaError

_log = logging.getLogger(__name__)

WAIT_S: Final = 2.0
"""A produce request waits so long for a registry at most."""
THREADS: Final = 4
LOOKUPS_MAX: Final = 256
"""Schemas being asked for at once; further ones are as if the registry were not there."""
REMEMBERED_MAX: Final = 10_000
"""Schemas; at one more all are forgotten."""
KNOWN_FOR_S: Final = 300.0
UNKNOWN_FOR_S: Final = 1.0

Key = tuple[int | str, bool]
"""A schema, and whether the names of its records are known too."""


class _Remembered(NamedTuple):
    schema: RegisteredSchema
    until: float
    """By the loop's clock."""


class _Unasked(NamedTuple):
    """Why nothing is known of a schema."""

    reason: str


class SchemaValidation:
    """Used from the loop's thread; the threads are made when first needed."""

    def __init__(
        self,
        registry: SchemaRegistry,
        *,
        allows_unasked: bool,
    ) -> None:
        """`allows_unasked`: records are taken unchecked while the registry cannot be asked."""
        self._registry = registry
        self.allows_unasked = allows_unasked
        self._executor: ThreadPoolExecutor | None = None
        self._loop = asyncio.get_running_loop()
        self._remembered: dict[Key, _Remembered] = {}
        self._asked: dict[Key, list[Callable[[], None]]] = {}
        self._failures: dict[Key, _Unasked] = {}

    def close(self) -> None:
        """What waits is told nothing more."""
        self._asked.clear()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    @staticmethod
    def reader(config: TopicConfig) -> NamedSchemas:
        """To be shown the records of one batch; what it has noted then goes to `check`."""
        return NamedSchemas(config)

    def check(
        self,
        topic: str,
        config: TopicConfig,
        named: Mapping[SchemaReference, Sequence[int]],
        done: Callable[[KafkaError | None], None],
    ) -> None:
        """Tell `done` None, or the `InvalidRecordsError` that refuses the batch; at once where all is known."""
        _Check(self, topic, config, named, done).begin()

    def known(self, key: Key) -> RegisteredSchema | None:
        """What the registry said of late."""
        found = self._remembered.get(key)
        return None if found is None or found.until < self._loop.time() else found.schema

    def ask(self, key: Key, told: Callable[[], None]) -> bool:
        """Call `told` when the registry has answered, or has not. False: too much is being asked already."""
        waiting = self._asked.get(key)
        if waiting is not None:
            waiting.append(told)
            return True
        if len(self._asked) >= LOOKUPS_MAX:
            return False
        self._asked[key] = [told]
        if self._executor is None:
            self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="ottla-schemas")
        self._executor.submit(self._look_up, key)
        return True

    def _look_up(self, key: Key) -> None:
        """On a thread."""
        outcome: RegisteredSchema | _Unasked
        try:
            schema, with_names = key
            outcome = self._registry.look_up(schema, with_names=with_names)
        except RegistryUnavailable as error:
            outcome = _Unasked(str(error))
        except Exception as error:  # noqa: BLE001 - the next to ask would wait for this answer too
            _log.exception("The schema registry could not be asked")
            outcome = _Unasked(type(error).__name__)
        try:
            self._loop.call_soon_threadsafe(self._answered, key, outcome)
        except RuntimeError:  # the loop has closed: nobody waits any more
            return

    def _answered(self, key: Key, outcome: RegisteredSchema | _Unasked) -> None:
        if isinstance(outcome, _Unasked):
            self._failures[key] = outcome
        else:
            if len(self._remembered) >= REMEMBERED_MAX:
                self._remembered.clear()
            lasts = KNOWN_FOR_S if outcome.subjects else UNKNOWN_FOR_S
            self._remembered[key] = _Remembered(outcome, self._loop.time() + lasts)
        for told in self._asked.pop(key, ()):
            told()
        self._failures.pop(key, None)

    def failure(self, key: Key) -> str:
        """Why the registry could not be asked; within `told`."""
        failed = self._failures.get(key)
        return f"no answer for {WAIT_S:.0f} s" if failed is None else failed.reason


class _Check:
    """One batch, until all its schemas are known."""

    def __init__(
        self,
        validation: SchemaValidation,
        topic: str,
        config: TopicConfig,
        named: Mapping[SchemaReference, Sequence[int]],
        done: Callable[[KafkaError | None], None],
    ) -> None:
        self._validation = validation
        self._topic = topic
        self._config = config
        self._named = named
        self._done = done
        self._schemas: dict[Key, RegisteredSchema] = {}
        self._unasked: dict[Key, str] = {}
        self._waiting: set[Key] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        for key in {self._key(reference) for reference in self._named}:
            known = self._validation.known(key)
            if known is not None:
                self._schemas[key] = known
            elif self._validation.ask(key, partial(self._told, key)):
                self._waiting.add(key)
            else:
                self._unasked[key] = f"{LOOKUPS_MAX} other schemas are being asked for"
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(WAIT_S, self._over)
        else:
            self._finish()

    def _told(self, key: Key) -> None:
        if key not in self._waiting:
            return  # its time was over
        self._waiting.discard(key)
        known = self._validation.known(key)
        if known is None:
            self._unasked[key] = self._validation.failure(key)
        else:
            self._schemas[key] = known
        if not self._waiting:
            self._finish()

    def _over(self) -> None:
        for key in self._waiting:
            self._unasked[key] = self._validation.failure(key)
        self._waiting.clear()
        self._finish()

    def _finish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        refused: list[tuple[int, str]] = []
        for reference, places in self._named.items():
            reason = self._reason(reference)
            if reason:
                refused += [(place, f"{REJECTION} {reason}") for place in places]
        self._done(invalid_records(sorted(refused)) if refused else None)

    def _reason(self, reference: SchemaReference) -> str:
        """Why records that name this schema are refused; empty when they aren't."""
        key = self._key(reference)
        schema = self._schemas.get(key)
        if schema is None:
            if self._validation.allows_unasked:
                return ""
            return f"Its {reference} could not be looked up: {self._unasked[key]}."
        if not schema.subjects:
            return f"Its {reference} is not registered."
        strategy = self._strategy(reference)
        name = name_of(schema.names, reference.message) if key[1] else ""
        if name is None:
            return f"Its {reference} has no record name, of which {strategy} makes the subject."
        subject = subject_name(strategy, self._topic, name, is_key=reference.is_key)
        if subject in schema.subjects:
            return ""
        return f"Its {reference} is not registered under the subject {subject}."

    def _key(self, reference: SchemaReference) -> Key:
        return reference.schema, names_records(self._strategy(reference))

    def _strategy(self, reference: SchemaReference) -> str:
        if reference.is_key:
            return self._config.confluent_key_subject_name_strategy
        return self._config.confluent_value_subject_name_strategy


def schema_validation(config: BrokerConfig) -> SchemaValidation:
    """By a broker's settings."""
    addresses = config.get("confluent.schema.registry.url")
    registry = SchemaRegistry(
        addresses if isinstance(addresses, tuple) else (),
        registry_login(config),
        timeout_s=WAIT_S,
    )
    return SchemaValidation(
        registry,
        allows_unasked=config.get("ottla.schema.validation.on.error") == ALLOW,
    )
