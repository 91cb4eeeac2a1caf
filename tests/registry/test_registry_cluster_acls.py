"""The cluster's own rules, kept fresh: what holds while they can't be had. The cluster itself is in the tests of security."""

from __future__ import annotations

import asyncio

import pytest

from conditions import until
from ottla.client.brokers import Brokers
from ottla.protocol.errors import ProtocolError
from ottla.protocol.messages.describe_acls import AclDescription, DescribeAclsResource, DescribeAclsResponse
from ottla.registry import cluster_acls
from ottla.registry.acls import Operation
from ottla.registry.cluster_acls import ClusterAcls
from ottla.registry.topic_acls import TopicAcls

READ, ALLOW, TOPIC, LITERAL = 3, 3, 2, 3
RULES = DescribeAclsResponse(
    resources=[
        DescribeAclsResource(
            resource_type=TOPIC,
            resource_name="orders",
            pattern_type=LITERAL,
            acls=[AclDescription(principal="User:alice", host="*", operation=READ, permission_type=ALLOW)],
        )
    ]
)


class Cluster(Brokers):
    """One that answers as the test wants."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1:1")
        self.answer: DescribeAclsResponse | Exception = RULES

    async def send(self, *_: object) -> DescribeAclsResponse:  # type: ignore[override]
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [DescribeAclsResponse(error_code=999), ProtocolError("bytes of something else")],
    ids=["an unknown error", "no message of Kafka's"],
)
def test_rules_that_can_not_be_had_hold_no_longer_than_a_while(
    answer: DescribeAclsResponse | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the cluster answers; and they hold again when they are told again."""
    monkeypatch.setattr(cluster_acls, "REFRESH_S", 0.01)
    monkeypatch.setattr(cluster_acls, "STALE_S", 0.05)

    async def run() -> None:
        cluster, rules = Cluster(), TopicAcls(())
        kept_fresh = ClusterAcls(cluster, rules)
        await kept_fresh.start()
        running = asyncio.create_task(kept_fresh.run())

        async def become(*, allowed: bool) -> None:
            await asyncio.to_thread(
                until, lambda: rules.allows("alice", Operation.SUBJECT_READ, "orders-value") is allowed
            )

        await become(allowed=True)
        cluster.answer = answer
        await become(allowed=False)
        cluster.answer = RULES
        await become(allowed=True)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())
