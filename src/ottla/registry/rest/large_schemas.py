"""Large schemas are parsed in a thread before their request is answered: two megabytes take a second, and the loop serves all.

It decides nothing. What is wrong with a request is found again, and told, by its endpoint.
"""

from __future__ import annotations

from typing import Final

from ottla.registry.errors import RegistryError
from ottla.registry.registration import Submitted
from ottla.registry.registry import Registry
from ottla.registry.rest import compatibility, subjects
from ottla.registry.rest.messages import Request
from ottla.registry.rest.routing import Route
from ottla.registry.subjects import context_of

LARGE_BODY_BYTES: Final = 16 * 1024
"""Smaller ones are parsed in some ten milliseconds at most."""

_WITH_SCHEMAS: Final = (
    subjects.register,
    subjects.look_up,
    compatibility.with_version,
    compatibility.with_all,
)


async def parse_ahead(registry: Registry, route: Route, request: Request) -> None:
    """Have the schema in a request's body parsed, if it will be."""
    if route.handler not in _WITH_SCHEMAS:
        return
    try:
        subject = subjects.subject_of(registry, request)
        submitted = subjects.submitted_in(request.json())
        catalogue = registry.catalogue
        if submitted.text is None or catalogue.as_sent(subject, submitted) is not None:
            return
        context = context_of(subject)
        references = catalogue.schemas.with_versions(context, submitted.references)
        new = _counts_as_new(registry, route, subject, submitted)
        parts = (context, submitted.type, submitted.text, references)
        normalize = subjects.normalizes(registry, subject, request)
        parsed = await catalogue.schemas.parse_ahead(*parts, new=new, normalize=normalize)
        if not parsed and route.handler is subjects.register:
            # A schema that can't be registered any more may have been, by other rules.
            await catalogue.schemas.parse_ahead(*parts, new=not new, normalize=normalize)
    except RegistryError:
        return


def _counts_as_new(registry: Registry, route: Route, subject: str, submitted: Submitted) -> bool:
    """Whether the endpoint will have it parsed by the rules for new schemas."""
    if route.handler is subjects.look_up:
        return False
    if route.handler is not subjects.register:
        return True
    if not registry.is_primary or submitted.id >= 0:
        return False
    return registry.state.config_in_scope(subject).validate_new_schemas is not False
