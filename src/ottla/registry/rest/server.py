"""What the server tells about itself, and contexts: `/`, `/contexts`, `/v1/metadata`."""

from __future__ import annotations

from ottla.registry.errors import context_not_empty
from ottla.registry.registry import Registry
from ottla.registry.rest.messages import Answer, Request, json_answer, page
from ottla.registry.rest.routing import route
from ottla.registry.subjects import DEFAULT_CONTEXT, context_name, context_subject


@route("GET", "/")
@route("POST", "/")
def root(_registry: Registry, _request: Request) -> Answer:
    """Empty: by this clients see that somebody is there."""
    return json_answer({})


@route("GET", "/contexts")
def list_contexts(registry: Registry, request: Request) -> Answer:
    """All contexts, the default one first."""
    prefix = request.text("contextPrefix") or ""
    names = [DEFAULT_CONTEXT, *registry.state.context_names()]
    if request.rights is not None:
        names = [name for name in names if _is_known(registry, request, name)]
    names = [name for name in names if name.startswith(prefix)]
    return json_answer(list(page(names, request, registry.facts.limits.contexts)))


def _is_known(registry: Registry, request: Request, context: str) -> bool:
    """Whether something may be done in it; the default one is no secret."""
    subject = context_subject(context)
    if subject is None or request.knows(subject):
        return True
    return any(request.knows(name) for name in registry.state.matching(subject, deleted=True))


@route("DELETE", "/contexts/{context}", writes=True)
async def delete_context(registry: Registry, request: Request) -> Answer:
    """Forgets a context without schemas; one that is not there is forgotten already."""
    context, state = context_name(request.parameters["context"]), registry.state
    if context in state.context_names():
        await registry.delete_context(context)
    elif state.has_subjects(context_subject(context) or "", deleted=True):
        raise context_not_empty(context)
    return Answer(status=204)


@route("GET", "/v1/metadata/id")
def cluster_id(registry: Registry, _request: Request) -> Answer:
    """Which Kafka cluster it is on, and which group of registries it belongs to."""
    clusters = {
        "kafka-cluster": registry.facts.kafka_cluster_id,
        "schema-registry-cluster": registry.facts.group_id,
    }
    return json_answer({"scope": {"path": [], "clusters": {**clusters}}, "id": ""})


@route("GET", "/v1/metadata/version")
def version(registry: Registry, _request: Request) -> Answer:
    """The version of this software."""
    return json_answer({"version": registry.facts.version, "commitId": ""})


@route("GET", "/v1/metadata/deployment")
def deployment(_registry: Registry, _request: Request) -> Answer:
    """Where it is deployed: nothing is known of that."""
    return json_answer({"attributes": {}})
