"""The cluster's own access rules about topics, asked for every few seconds.

While they can't be had, those that were had last hold for a minute; then nobody but super users may do anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Final

from ottla.client.brokers import Brokers
from ottla.client.errors import ClientError
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.describe_acls import DescribeAclsRequest, DescribeAclsResponse
from ottla.registry.schemas_topic import StartError
from ottla.registry.topic_acls import TopicAcls, TopicRight, TopicRule

_TOPIC: Final = 2
_ANY: Final = 1
_PREFIXED: Final = 4
_DENY: Final = 2
_RIGHTS: Final = {2: TopicRight.ALL, 3: TopicRight.READ, 4: TopicRight.WRITE}
"""By the codes of Apache's AclOperation, as those before are of ResourceType, PatternType and AclPermissionType."""

REFRESH_S: Final = 5.0
"""So late at most a change of the cluster's rules is known."""
STALE_S: Final = 60.0

_log = logging.getLogger("ottla.registry")


class ClusterAcls:
    """Keeps `TopicAcls` fresh. Belongs to one event loop."""

    def __init__(self, brokers: Brokers, rules: TopicAcls) -> None:
        self._brokers = brokers
        self._rules = rules
        self._fresh_until_s = 0.0

    async def start(self) -> None:
        """Ask for the first time. Raises `StartError`."""
        try:
            await self._refresh()
        except KafkaError as error:
            if error.code is ErrorCode.SECURITY_DISABLED:
                raise StartError(
                    "confluent.schema.registry.authorizer.class: the cluster has no authorizer, and so no rules about topics"
                ) from None
            raise StartError(
                f"confluent.schema.registry.authorizer.class: the cluster does not tell its rules, {error}; the registry "
                "needs DESCRIBE on the cluster"
            ) from None
        except ClientError as error:
            raise StartError(f"the cluster's rules can't be had: {error}") from None

    async def run(self) -> None:
        """Ask again and again, until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self._refresh()
            except Exception as error:  # noqa: BLE001 - else the rules that were had last would hold for good
                _log.warning("The cluster's rules can't be had: %s", error or type(error).__name__)
                if loop.time() > self._fresh_until_s:
                    self._rules.use(None)

    async def _refresh(self) -> None:
        request = DescribeAclsRequest(
            resource_type_filter=_TOPIC,
            resource_name_filter=None,
            pattern_type_filter=_ANY,
            principal_filter=None,
            host_filter=None,
            operation=_ANY,
            permission_type=_ANY,
        )
        answer = await self._brokers.send(request, DescribeAclsResponse)
        if answer.error_code != ErrorCode.NONE:
            raise KafkaError(ErrorCode(answer.error_code), answer.error_message)
        self._rules.use(list(_rules_in(answer)))
        self._fresh_until_s = asyncio.get_running_loop().time() + STALE_S


def _rules_in(answer: DescribeAclsResponse) -> Iterator[TopicRule]:
    for resource in answer.resources:
        for acl in resource.acls:
            right = _RIGHTS.get(acl.operation)
            if right is not None:
                yield TopicRule(
                    resource.resource_name,
                    resource.pattern_type == _PREFIXED,
                    acl.principal,
                    acl.host,
                    right,
                    denies=acl.permission_type == _DENY,
                )
