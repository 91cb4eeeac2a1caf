"""The process that is a registry: the topic read, HTTP served, the group joined; signals, the log.

It serves reads as soon as it has read the topic, and writes as soon as the group has elected a primary. SIGTERM and SIGINT
stop it in order; a second one ends the process at once, which loses nothing that was answered.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import ssl
import sys
from contextlib import AsyncExitStack, suppress
from importlib import metadata
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.client.admin import Admin
from ottla.client.brokers import Brokers
from ottla.client.errors import ClientError, MembershipError
from ottla.client.membership import GroupMembership
from ottla.protocol.errors import KafkaError
from ottla.registry.cluster_login import credentials, tls_context
from ottla.registry.election import PROTOCOL_TYPE, Identity, RegistryMember
from ottla.registry.http_server import HttpServer, listen
from ottla.registry.registry import Facts, Registry
from ottla.registry.rest.asgi import Application, Asgi, CrossOrigin
from ottla.registry.rest.dispatch import Dispatch
from ottla.registry.rest.forwarding import HttpForwarder
from ottla.registry.schemas_topic import Place, SchemasTopic, StartError
from ottla.registry.secured import SecurityError, basic_login, bearer_login, client_context, server_context
from ottla.registry.settings import RegistrySettings
from ottla.registry.state import RegistryState

if TYPE_CHECKING:
    from ottla.security.rest_login import BasicLogin
    from ottla.security.rest_tokens import BearerLogin

SESSION_TIMEOUT_MS: Final = 10_000
HEARTBEAT_INTERVAL_MS: Final = 3_000
REBALANCE_TIMEOUT_MS: Final = 300_000
"""The original's, which has no settings for them."""

LEAVE_TIMEOUT_S: Final = 3
EXIT_FAILED: Final = 1

_log = logging.getLogger("ottla.registry")


def main(settings: RegistrySettings) -> int:
    """Run a registry until it is told to stop; the process's exit code."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)-5s %(name)s %(message)s"
    )
    for warning in settings.warnings:
        _log.warning("%s", warning)
    try:
        import uvloop  # noqa: PLC0415 - it is optional
    except ImportError:
        return asyncio.run(_serve(settings))
    return int(uvloop.run(_serve(settings)))


async def _serve(settings: RegistrySettings) -> int:
    asked_to_stop = asyncio.Event()

    def stop() -> None:
        if asked_to_stop.is_set():
            os._exit(EXIT_FAILED)
        asked_to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    stopped = asyncio.create_task(asked_to_stop.wait())
    running = RunningRegistry(settings)
    starting = asyncio.create_task(running.start())
    try:
        await asyncio.wait({stopped, starting}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return 0
        starting.result()
        # What lives now lives until the end; the collector, off since the start, need not look at it.
        gc.freeze()
        gc.enable()
        await asyncio.wait({stopped, running.membership}, return_when=asyncio.FIRST_COMPLETED)
        return EXIT_FAILED if running.membership.done() else 0
    except (StartError, OSError) as error:
        _log.error("The registry can't start: %s", error)
        return EXIT_FAILED
    finally:
        stopped.cancel()
        await running.stop()


class _Secured(NamedTuple):
    """What the registry's listeners ask of clients, and how it speaks to another registry."""

    basic: BasicLogin | None
    bearer: BearerLogin | None
    server: ssl.SSLContext | None
    client: ssl.SSLContext | None


class RunningRegistry:
    """A registry with all that it needs, from `start` to `stop`, which also undoes a start that failed."""

    registry: Registry
    membership: asyncio.Task[None]
    """Ends only if the group refuses this registry for good."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()

    async def stop(self) -> None:
        await self._stack.aclose()

    async def start(self) -> None:
        """Raises StartError, or OSError for an address that can't be listened at."""
        settings, stack = self._settings, self._stack
        secured = await _secured(settings)
        if secured.bearer is not None:
            stack.callback(secured.bearer.close)
        sockets = [listen(listener) for listener in settings.listeners]
        for each in sockets:
            stack.callback(each.close)
        port = sockets[0].getsockname()[1]
        identity = Identity(
            settings.host_name, port, settings.flag("leader.eligibility"), settings.listeners[0].scheme
        )
        state = RegistryState(settings.level)
        topic = SchemasTopic(state, _place(settings), settings.kafka_client())
        stack.push_async_callback(topic.stop)
        brokers = await stack.enter_async_context(
            Brokers(
                settings.bootstrap_servers,
                client_id="schema-registry",
                tls=tls_context(settings),
                credentials=credentials(settings),
            )
        )
        await topic.start()
        self.registry = Registry(state, topic, await _facts(settings, brokers))
        topic.on_conflict = self.registry.resolve
        await self._serve_http(sockets, secured)
        await self._join(brokers, identity)
        _log.info("[SchemaRegistry %s] started", identity.url)

    async def _serve_http(self, sockets: list[socket.socket], secured: _Secured) -> None:
        settings = self._settings
        forwarder = HttpForwarder(
            connect_timeout_s=settings.seconds("leader.connect.timeout.ms"),
            read_timeout_s=settings.seconds("leader.read.timeout.ms"),
            tls=secured.client,
        )
        self._stack.push_async_callback(forwarder.close)
        origin, methods, headers = (
            settings.text(f"access.control.allow.{name}") for name in ("origin", "methods", "headers")
        )
        application: Asgi = Application(
            Dispatch(self.registry, forwarder),
            compresses=settings.flag("compression.enable"),
            cross_origin=CrossOrigin(origin, methods, headers),
        )
        login = secured.basic or secured.bearer
        if login is not None:
            realm = settings.text("authentication.realm")
            from ottla.registry.rest.access import LoggedIn  # noqa: PLC0415 - most registries ask nobody

            application = LoggedIn(
                application,
                login,
                realm=realm,
                lets_options_through=bool(origin),
                waits=secured.bearer is not None,
            )
        for scheme, tls in (("http", None), ("https", secured.server)):
            own = [
                each
                for each, listener in zip(sockets, settings.listeners, strict=True)
                if listener.scheme == scheme
            ]
            if own:
                server = HttpServer(
                    application, own, idle_timeout_s=settings.seconds("idle.timeout.ms"), tls=tls
                )
                await server.start()
                self._stack.push_async_callback(server.stop)

    async def _join(self, brokers: Brokers, identity: Identity) -> None:
        membership = GroupMembership(
            brokers,
            self._settings.text("schema.registry.group.id"),
            PROTOCOL_TYPE,
            RegistryMember(self.registry, identity),
            group_instance_id=identity.instance_id,
            session_timeout_ms=SESSION_TIMEOUT_MS,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_INTERVAL_MS,
        )
        self.membership = asyncio.create_task(_run(membership))
        self._stack.push_async_callback(_leave, brokers, membership, self.membership, identity)


async def _secured(settings: RegistrySettings) -> _Secured:
    """Reads the files; raises StartError."""
    speaks_tls = any(listener.scheme == "https" for listener in settings.listeners)
    if not speaks_tls and settings.text("authentication.method") == "NONE":
        return _Secured(None, None, None, None)

    def read() -> _Secured:
        return _Secured(
            basic_login(settings.values),
            bearer_login(settings.values),
            server_context(settings.values) if speaks_tls else None,
            client_context(settings.values) if speaks_tls else None,
        )

    try:
        return await asyncio.to_thread(read)
    except SecurityError as error:
        raise StartError(str(error)) from None


async def _run(membership: GroupMembership) -> None:
    try:
        await membership.run()
    except MembershipError as error:
        _log.error("The registry can't be in its group: %s", error)


async def _leave(
    brokers: Brokers, membership: GroupMembership, task: asyncio.Task[None], identity: Identity
) -> None:
    """Out of the group, so that the others elect anew at once; unless another process has taken this one's place."""
    refused = task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await membership.leave()
    if not refused:
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await Admin(brokers).remove_static_members(membership.group_id, [identity.instance_id])
        except (ClientError, KafkaError, TimeoutError) as error:
            _log.info("Could not leave the group: %s", error)


def _place(settings: RegistrySettings) -> Place:
    return Place(
        settings.text("kafkastore.topic"),
        settings.number("kafkastore.topic.replication.factor"),
        settings.seconds("kafkastore.init.timeout.ms"),
        settings.seconds("kafkastore.timeout.ms"),
    )


async def _facts(settings: RegistrySettings, brokers: Brokers) -> Facts:
    cluster_id = ""
    with suppress(ClientError, KafkaError):
        cluster_id = (await brokers.metadata()).cluster_id or ""
    return Facts(
        version=metadata.version("ottla"),
        kafka_cluster_id=cluster_id,
        group_id=settings.text("schema.registry.group.id"),
        mode_mutability=settings.flag("mode.mutability"),
        schema_cache_size=settings.number("schema.cache.size"),
    )
