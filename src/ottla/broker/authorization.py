"""The broker's authorizer: made where the settings name one, and kept in step with the rules in the metadata.

Without one nothing of it is loaded, and everyone may do everything.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ottla.config.authorizer import authorizer_settings
from ottla.config.broker_config import BrokerConfig

if TYPE_CHECKING:
    from ottla.security.authorizer import Authorizer


def make_authorizer(config: BrokerConfig, now_ms: Callable[[], int]) -> "Authorizer | None":
    """It knows no rule yet: until `apply` gave it those of the metadata, only super users may do anything."""
    settings = authorizer_settings(config.given)
    if settings is None:
        return None
    from ottla.security.audit_log import AuditLog  # noqa: PLC0415 - a broker without an authorizer starts without it
    from ottla.security.authorizer import Authorizer  # noqa: PLC0415 - likewise

    return Authorizer(
        super_users=settings.super_users,
        allow_everyone_if_no_acl_found=settings.allow_everyone_if_no_acl_found,
        audit=AuditLog(now_ms),
    )
