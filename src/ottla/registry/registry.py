"""The registry: what may be read at once, what is written by the primary alone, and who that is.

Reads are served by any process from its own state. A write is decided by the state, written, and answered once it is
durable and part of the state; `write_order.py` keeps writes that could decide the same from being under way together.

A process becomes the primary when the group elects it. Before its first write it writes a marker and reads past it: what
an earlier primary wrote before is known then. What one that doesn't know yet that it is replaced writes afterwards comes
second in the topic, and so has no effect that lasts: both would see the conflict, and the second is taken back.

    following ──elected──▶ catching up ──marker read──▶ primary ──group rebalances──▶ following
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

from ottla.registry import associations_changes, changes, records
from ottla.registry.associations import Association, Selection
from ottla.registry.associations_changes import Plan
from ottla.registry.encoded_answers import EncodedAnswers
from ottla.registry.errors import RegistryError, no_leader, store_failed
from ottla.registry.json_fields import JsonObject
from ottla.registry.long_work import Made, TakesLong
from ottla.registry.modes import Mode
from ottla.registry.parsed_schemas import ParsedSchemas
from ottla.registry.records import StoredSchema
from ottla.registry.registration import Candidate, Catalogue, Submitted, Write
from ottla.registry.search_limits import SearchLimits
from ottla.registry.state import Conflict, RegistryState
from ottla.registry.subject_config import SubjectConfig
from ottla.registry.subjects import context_of
from ottla.registry.write_order import WriteOrder

if TYPE_CHECKING:
    from ottla.registry.dek.dek_registry import DekRegistry

MAX_ID_ATTEMPTS: Final = 5
"""How often a registration is tried again because another primary gave the same id or version away."""

MAX_PIECES: Final = 10_000
"""Of work for one write, that take long: a schema to be parsed, thirty versions to be compared with."""

_Written = TypeVar("_Written")

_log = logging.getLogger("ottla.registry")


class Role(Enum):
    """What this process may do."""

    FOLLOWING = auto()
    CATCHING_UP = auto()
    PRIMARY = auto()


class Facts(NamedTuple):
    """What stays as it is while the registry runs."""

    version: str = ""
    kafka_cluster_id: str = ""
    group_id: str = "schema-registry"
    mode_mutability: bool = True
    """Whether modes may be changed at all."""
    schema_cache_size: int = 1_000
    limits: SearchLimits = SearchLimits()


class Associated(NamedTuple):
    """What was asked for, as it is now, and by type of association the schemas that came with it."""

    associations: list[Association]
    schemas: dict[str, StoredSchema]


class Topic(Protocol):
    """What the registry needs of the topic."""

    async def append(self, writes: Sequence[tuple[bytes, bytes | None]]) -> list[Conflict]: ...


class Keys(Protocol):
    """Where the registry's encryption keys are."""

    async def opened(self) -> DekRegistry:
        """Them, once they are read; raises RegistryError."""


class Registry:
    """Belongs to one event loop."""

    def __init__(self, state: RegistryState, topic: Topic, facts: Facts | None = None) -> None:
        self.state = state
        self.facts = facts or Facts()
        self.catalogue = Catalogue(state, ParsedSchemas(state, self.facts.schema_cache_size))
        self.work = self.catalogue.schemas.long_work
        self.answers = EncodedAnswers(self.facts.schema_cache_size)
        self.role = Role.FOLLOWING
        self.keys: Keys | None = None
        """The encryption keys; None where none are kept."""
        self.primary_url: str | None = None
        """Where the primary is, also if it is this process; None while there is none."""
        self._topic = topic
        self._order = WriteOrder()
        self._given: dict[str, int] = {}
        """The highest id given away by context, whether or not it has been written yet."""
        self._settled = asyncio.Event()
        self.term: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when whoever is the primary now is no longer."""
        self._tasks: set[asyncio.Task[None]] = set()

    # Who writes

    @property
    def is_primary(self) -> bool:
        return self.role is Role.PRIMARY

    async def settled(self, timeout_s: float) -> bool:
        """Wait until there is a primary that can write, here or elsewhere."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._settled.wait()
        except TimeoutError:
            return False
        return True

    def follow(self, primary_url: str | None) -> None:
        """Somebody else is the primary, or nobody for now."""
        if primary_url != self.primary_url:
            self.term.set_result(None)
            self.term = asyncio.get_running_loop().create_future()
        self.role = Role.FOLLOWING
        self.primary_url = primary_url
        (self._settled.clear if primary_url is None else self._settled.set)()

    async def lead(self, own_url: str) -> None:
        """Become the primary; raises RegistryError while the topic can't be written."""
        self.follow(None)
        self.role = Role.CATCHING_UP
        told: dict[str, int] | None = None
        # Written again if what came in before the marker has given higher ids: the last NOOP is what compaction leaves.
        while told != self.state.highest_ids():
            told = self.state.highest_ids()
            await self._topic.append([(records.NOOP_KEY, records.noop_value(told))])
        if self.role is Role.CATCHING_UP:
            self.role = Role.PRIMARY
            self.primary_url = own_url
            self._settled.set()

    # Writes

    async def register(
        self, subject: str, submitted: Submitted, *, normalize: bool, force: bool = False
    ) -> StoredSchema:
        """The version of a subject with this schema, new or not. Raises RegistryError."""
        return await self._in_order(
            lambda: self._order.of(subject),
            lambda made: self._registered(subject, submitted, made, normalize=normalize, force=force),
        )

    async def _in_order(
        self,
        order: Callable[[], AbstractAsyncContextManager[None]],
        write: Callable[[Made], Awaitable[_Written]],
    ) -> _Written:
        """What `write` returns, called in its order. What takes long is done outside of that, so that nobody else's write waits
        for it, and then all is decided anew."""
        made: Made = {}
        for _ in range(MAX_PIECES):
            async with order():
                try:
                    return await write(made)
                except TakesLong as found:
                    lacking = found
            await self.work.make(lacking, made)
        raise store_failed("What the schema has to be compared with changes too quickly, or is too much")

    async def _registered(
        self, subject: str, submitted: Submitted, made: Made, *, normalize: bool, force: bool = False
    ) -> StoredSchema:
        """Raises TakesLong."""
        for _ in range(MAX_ID_ATTEMPTS):
            decided = self.work.attempt(
                lambda: self.catalogue.decide(subject, submitted, normalize=normalize, force=force), made
            )
            if isinstance(decided, StoredSchema):
                return decided
            schema = await self._register(decided)
            if schema is not None:
                return schema
        raise store_failed(
            "Error while registering the schema due to generating an ID that is already in use."
        )

    async def _register(self, candidate: Candidate) -> StoredSchema | None:
        """The schema as registered; None if another primary was first."""
        subject, version, content, schema_id = candidate
        context = context_of(subject)
        async with self._order.holding(context.encode() + content.identity):
            if schema_id is None:
                schema_id = self.state.id_of(context, content)
            if schema_id is None:
                schema_id = self._next_id(context)
            schema = StoredSchema(subject, version, schema_id, content)
            conflicts = await self._write(self.catalogue.writes(schema))
            for conflict in conflicts:
                await self._take_back(conflict)
        return self.state.version(subject, version) if not conflicts else None

    async def delete_version(self, schema: StoredSchema, *, permanent: bool) -> int:
        async with self._order.alone():
            await self._write(changes.delete_version(self.state, schema, permanent=permanent))
        return schema.version

    async def delete_subject(self, subject: str, *, permanent: bool) -> list[int]:
        async with self._order.alone():
            versions, writes = changes.delete_subject(self.state, subject, permanent=permanent)
            await self._write(writes)
        return versions

    async def delete_context(self, context: str) -> None:
        await self._change(lambda: changes.delete_context(self.state, context))

    async def set_config(self, subject: str | None, change: SubjectConfig, given: JsonObject) -> None:
        await self._change(lambda: changes.set_config(self.state, subject, change, given))

    async def delete_config(self, subject: str | None) -> None:
        await self._change(lambda: changes.delete_config(self.state, subject))

    async def set_mode(self, subject: str | None, mode: Mode, *, force: bool) -> None:
        await self._change(lambda: changes.set_mode(self.state, subject, mode, force=force))

    async def delete_mode(self, subject: str | None, *, recursive: bool) -> None:
        await self._change(lambda: changes.delete_mode(self.state, subject, recursive=recursive))

    async def associate(self, keys: Callable[[], Iterable[str]], decide: Callable[[], Plan]) -> Associated:
        """Register the schemas and write the associations: none where one of them is refused by what is there.

        `keys`: the subjects, and what stands for the resource.
        """

        async def write(made: Made) -> Associated:
            plan = self.work.attempt(decide, made)
            schemas = {
                each.association_type: await self._registered(
                    each.subject, each.schema, made, normalize=each.normalize
                )
                for each in plan.registrations
            }
            if plan.writes:
                await self._write(plan.writes)
            return Associated(plan.associations, schemas)

        return await self._in_order(lambda: self._order.of_all(keys), write)

    async def delete_associations(
        self, resource_id: str, selection: Selection, *, cascade_lifecycle: bool
    ) -> None:
        await self._change(
            lambda: associations_changes.delete(
                self.state, resource_id, selection, cascade_lifecycle=cascade_lifecycle
            )
        )

    async def _change(self, decide: Callable[[], list[Write]]) -> None:
        async with self._order.alone():
            await self._write(decide())

    async def _write(self, writes: Sequence[Write]) -> list[Conflict]:
        if self.role is not Role.PRIMARY:
            raise no_leader()
        return await self._topic.append(writes)

    def _next_id(self, context: str) -> int:
        """Given once, whatever becomes of it."""
        self._given[context] = max(self._given.get(context, 0), self.state.highest_id(context)) + 1
        return self._given[context]

    # Conflicts

    def resolve(self, conflict: Conflict) -> None:
        """Somebody who doesn't know yet that it is replaced gave an id or a version a second time."""
        if self.is_primary:
            task = asyncio.create_task(self._resolve(conflict))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _resolve(self, conflict: Conflict) -> None:
        try:
            async with self._order.alone():
                await self._take_back(conflict)
        except RegistryError as error:
            _log.warning(
                "Version %d of %s has to be taken back and could not be: %s",
                conflict.schema.version,
                conflict.schema.subject,
                error,
            )

    async def _take_back(self, conflict: Conflict) -> None:
        """Write what the version was before, unless that has been done already."""
        schema, earlier = conflict
        if self.state.version(schema.subject, schema.version, deleted=True) is not schema:
            return
        _log.warning(
            "Id %d or version %d of %s was given twice; the second is taken back",
            schema.id,
            schema.version,
            schema.subject,
        )
        value = None if earlier is None else records.schema_value(earlier)
        await self._write([Write(self.state.key_of_version(schema.subject, schema.version), value)])
