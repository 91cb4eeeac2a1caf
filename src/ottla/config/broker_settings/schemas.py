"""Schemas of records. What topics ask for by `confluent.value.schema.validation` and `confluent.key.schema.validation`; the
names are Confluent Server's.
"""

from __future__ import annotations

from ottla.config.definition import Importance, Setting, Type
from ottla.config.validators import OneOf

REFUSE = "refuse"
ALLOW = "allow"

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="confluent.schema.registry.url",
        type=Type.LIST,
        default=(),
        importance=Importance.LOW,
        doc=(
            "Addresses of the schema registry, such as `http://127.0.0.1:8081`; the first that answers is asked. Needed by "
            "topics whose records' schemas are validated."
        ),
    ),
    Setting(
        name="confluent.basic.auth.credentials.source",
        type=Type.STRING,
        default="URL",
        valid=OneOf(("URL", "USER_INFO")),
        importance=Importance.LOW,
        doc=(
            "Where name and password for the schema registry stand: `URL` in `confluent.schema.registry.url`, "
            "`USER_INFO` in `confluent.basic.auth.user.info`."
        ),
    ),
    Setting(
        name="confluent.basic.auth.user.info",
        type=Type.PASSWORD,
        default=None,
        importance=Importance.LOW,
        doc=(
            "User and password for the schema registry, as `user:password`, where "
            "`confluent.basic.auth.credentials.source` is `USER_INFO`."
        ),
    ),
    Setting(
        name="ottla.schema.validation.on.error",
        type=Type.STRING,
        default=REFUSE,
        valid=OneOf((REFUSE, ALLOW)),
        importance=Importance.LOW,
        doc=(
            "What becomes of records whose schemas have to be validated while no registry answers: `refuse` them, or "
            "`allow` them unchecked."
        ),
    ),
)
