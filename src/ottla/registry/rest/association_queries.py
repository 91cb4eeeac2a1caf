"""Which associations a query means: `resourceType`, `associationType` and `lifecycle`, the latter two as often as one likes."""

from __future__ import annotations

from ottla.registry.associations import TOPIC, Lifecycle, Selection
from ottla.registry.rest.messages import Request, http_error


def selection_of(request: Request, resource_type: str | None = TOPIC) -> Selection:
    """The associations that a query means; raises 404 for a lifecycle there is none of, as Jersey does."""
    names = [each for each in request.texts("lifecycle") if each]
    if not all(name in Lifecycle.__members__ for name in names):
        raise http_error(404, "Not Found")
    types = tuple(each for each in request.texts("associationType") if each)
    return Selection(
        request.text("resourceType") or resource_type, types, tuple(Lifecycle(name) for name in names)
    )
