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
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from importlib import metadata
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.client.admin import Admin
from ottla.client.brokers import Brokers
from ottla.client.errors import ClientError, MembershipError
from ottla.client.membership import GroupMembership
from ottla.config.values import Value
from ottla.protocol.errors import KafkaError
from ottla.registry import records
from ottla.registry.cluster_login import ClusterLogin, cluster_login
from ottla.registry.dek.opening import DekRegistryOnFirstUse
from ottla.registry.election import PROTOCOL_TYPE, Identity, RegistryMember
from ottla.registry.http_server import HttpServer, listen
from ottla.registry.log_lines import LineFormatter
from ottla.registry.registry import Facts, Registry
from ottla.registry.rest.asgi import Application, Asgi, CrossOrigin
from ottla.registry.rest.dispatch import Dispatch
from ottla.registry.rest.forwarding import HttpForwarder
from ottla.registry.schemas_topic import Place, StartError, StateTopic
from ottla.registry.search_limits import SearchLimits
from ottla.registry.secured import (
    Principals,
    SecurityError,
    basic_login,
    bearer_login,
    client_context,
    principals,
    server_side,
)
from ottla.registry.security_settings import RULES_AUTHORIZER
from ottla.registry.settings import RegistrySettings
from ottla.registry.state import RegistryState
from ottla.security.rebinding import is_loopback

if TYPE_CHECKING:
    from ottla.registry.renewal import Renewal, RenewedLogin, RenewedTls
    from ottla.registry.rest.authorization import Authorizer
    from ottla.security.rest_tokens import BearerLogin

SHORT_TURN_S: Final = 0.000_5
"""How long a thread that parses or compares keeps the loop waiting each time; Python's own five milliseconds are many requests'."""

SESSION_TIMEOUT_MS: Final = 10_000
HEARTBEAT_INTERVAL_MS: Final = 3_000
REBALANCE_TIMEOUT_MS: Final = 300_000
"""The original's, which has no settings for them."""

LEAVE_TIMEOUT_S: Final = 3
EXIT_FAILED: Final = 1

_log = logging.getLogger("ottla.registry")


def main(settings: RegistrySettings) -> int:
    """Run a registry until it is told to stop; the process's exit code."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(LineFormatter())
    logging.basicConfig(handlers=[lines], level=logging.INFO)
    if settings.flag("debug"):
        # Libraries' own lines at that level may hold what nobody is to read.
        logging.getLogger("ottla").setLevel(logging.DEBUG)
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

    basic: RenewedLogin | None = None
    bearer: BearerLogin | None = None
    tls: RenewedTls | None = None
    principals: Principals | None = None
    renewal: Renewal | None = None


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
        if secured.renewal is not None:
            self._run_until_stop(secured.renewal.run(secured.basic, secured.tls))
        cluster = await _cluster_login(settings)
        sockets = [listen(listener) for listener in settings.listeners]
        for each in sockets:
            stack.callback(each.close)
        own = settings.own_listener
        port = sockets[own].getsockname()[1]
        identity = Identity(
            settings.host_name, port, settings.flag("leader.eligibility"), settings.listeners[own].scheme
        )
        state = RegistryState(settings.level, validate_fields=settings.flag("schema.validate.fields"))
        topic = StateTopic(state, records.decode, _place(settings), cluster.librdkafka)
        stack.push_async_callback(topic.stop)
        brokers = await stack.enter_async_context(
            Brokers(
                settings.bootstrap_servers,
                client_id="schema-registry",
                tls=cluster.tls,
                credentials=cluster.login,
            )
        )
        await topic.start()
        authorizer = await self._authorizer(brokers, cluster)
        self.registry = Registry(state, topic, await _facts(settings, brokers))
        topic.on_conflict = self.registry.resolve
        self.registry.work.on_busy = _turns()
        self._keep_keys(cluster)
        await self._serve_http(sockets, secured, authorizer)
        await self._join(brokers, identity)
        _log.info("[SchemaRegistry %s] started", identity.url)

    def _keep_keys(self, cluster: ClusterLogin) -> None:
        """Their topic and its threads come with the first request for one."""
        settings = self._settings
        place = _place(settings)._replace(topic=settings.text("dek.registry.topic"))
        most = settings.number("dek.registry.max.keys")
        keys = DekRegistryOnFirstUse(self.registry, place, cluster.librdkafka, os.environ, max_keys=most)
        self.registry.keys = keys
        self._stack.push_async_callback(keys.stop)

    async def _authorizer(self, brokers: Brokers, cluster: ClusterLogin) -> Authorizer | None:
        """Who says what a principal may do; None where everyone may do everything."""
        settings = self._settings
        chosen = settings.text("confluent.schema.registry.authorizer.class")
        if not chosen:
            return None
        if chosen == RULES_AUTHORIZER:
            from ottla.registry.acl_topic import acl_topic  # noqa: PLC0415 - most registries ask nobody
            from ottla.registry.acls import AclRules  # noqa: PLC0415

            rules = AclRules()
            topic = acl_topic(rules, _place(settings)._replace(topic=settings.acl_topic), cluster.librdkafka)
            self._stack.push_async_callback(topic.stop)
            await topic.start()
            return rules
        from ottla.registry.cluster_acls import ClusterAcls  # noqa: PLC0415
        from ottla.registry.topic_acls import TopicAcls, super_users  # noqa: PLC0415

        acls = TopicAcls(super_users(settings.text("confluent.topic.acl.super.users")))
        kept_fresh = ClusterAcls(brokers, acls)
        await kept_fresh.start()
        self._run_until_stop(kept_fresh.run())
        return acls

    def _run_until_stop(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._stack.push_async_callback(end)

    async def _serve_http(
        self, sockets: list[socket.socket], secured: _Secured, authorizer: Authorizer | None
    ) -> None:
        settings = self._settings
        forwarder = HttpForwarder(
            connect_timeout_s=settings.seconds("leader.connect.timeout.ms"),
            read_timeout_s=settings.seconds("leader.read.timeout.ms"),
            tls=lambda: secured.tls.client if secured.tls is not None else None,
            headers=settings.words("inter.instance.headers.whitelist"),
        )
        self._stack.push_async_callback(forwarder.close)
        origin, methods, headers = (
            settings.text(f"access.control.allow.{name}") for name in ("origin", "methods", "headers")
        )
        guard = None
        if authorizer is not None:
            from ottla.registry.rest.authorization import SubjectAuthorization  # noqa: PLC0415

            guard = SubjectAuthorization(self.registry, authorizer)
        application: Asgi = Application(
            Dispatch(self.registry, forwarder, guard),
            compresses=settings.flag("compression.enable"),
            cross_origin=CrossOrigin(origin, methods, headers),
            own_names=_own_names(settings),
        )
        login = secured.basic or secured.bearer
        if login is not None or secured.principals is not None:
            realm = settings.text("authentication.realm")
            from ottla.registry.rest.access import LoggedIn  # noqa: PLC0415 - most registries ask nobody

            application = LoggedIn(
                application,
                login,
                realm=realm,
                lets_options_through=bool(origin),
                waits=secured.bearer is not None,
                skipped=settings.words("authentication.skip.paths"),
                principals=secured.principals,
            )
        https = None if secured.tls is None else secured.tls.context
        for scheme, tls in (("http", None), ("https", https)):
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
    values = settings.values
    try:
        asked = principals(values)
        if not speaks_tls and settings.text("authentication.method") == "NONE":
            return _Secured(principals=asked)
        return await asyncio.to_thread(_read_secured, values, asked, speaks_tls=speaks_tls)
    except SecurityError as error:
        raise StartError(str(error)) from None


def _read_secured(values: Mapping[str, Value], asked: Principals | None, *, speaks_tls: bool) -> _Secured:
    from ottla.registry.renewal import Renewal, RenewedLogin, RenewedTls  # noqa: PLC0415 - most registries ask nobody

    renewal = Renewal(values)
    users = basic_login(values)
    login = None if users is None else RenewedLogin(users)
    tls = RenewedTls(server_side(values), client_context(values)) if speaks_tls else None
    return _Secured(login, bearer_login(values), tls, asked, renewal)


async def _cluster_login(settings: RegistrySettings) -> ClusterLogin:
    """Reads the files; raises StartError."""
    try:
        return await asyncio.to_thread(cluster_login, settings.values, settings.bootstrap_servers)
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


def _own_names(settings: RegistrySettings) -> frozenset[str] | None:
    """What a registry on loopback may be called; None where others reach it, by whatever name."""
    if not all(is_loopback(each.host) for each in settings.listeners):
        return None
    return frozenset({settings.host_name.lower(), socket.gethostname().lower()})


def _turns() -> Callable[[bool], None]:
    """Short turns of threads while one of them works long, else they would only disturb the loop; and no collector meanwhile, which
    would go through all that is being made in one turn."""
    usual_s = sys.getswitchinterval()

    def on_busy(busy: bool) -> None:
        sys.setswitchinterval(SHORT_TURN_S if busy else usual_s)
        (gc.disable if busy else gc.enable)()

    return on_busy


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
        limits=SearchLimits.from_settings(settings.values),
    )
