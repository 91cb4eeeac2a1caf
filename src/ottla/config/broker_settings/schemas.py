"""Schemas of records. What topics ask for by `confluent.value.schema.validation` and `confluent.key.schema.validation`; the
names are Confluent Server's.
"""

from __future__ import annotations

from ottla.config.definition import Importance, Setting, Type
from ottla.config.validators import OneOf

REFUSE = "refuse"
ALLOW = "allow"

STATIC_TOKEN = "STATIC_TOKEN"  # noqa: S105 - a word of the settings
OAUTHBEARER = "OAUTHBEARER"


def _store(subject: str, use: str) -> tuple[Setting, ...]:
    name = f"confluent.ssl.{subject}"
    return (
        Setting(name=f"{name}.location", type=Type.STRING, default=None, importance=Importance.LOW, doc=use),
        Setting(
            name=f"{name}.password",
            type=Type.PASSWORD,
            default=None,
            importance=Importance.LOW,
            doc=f"Opens `{name}.location`.",
        ),
        Setting(
            name=f"{name}.type",
            type=Type.STRING,
            default="JKS",
            valid=OneOf(("JKS", "PKCS12", "PEM")),
            importance=Importance.LOW,
            doc="JKS, PKCS12 (either is seen by itself) or PEM.",
        ),
    )


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
        name="confluent.bearer.auth.credentials.source",
        type=Type.STRING,
        default=None,
        valid=OneOf((STATIC_TOKEN, OAUTHBEARER)),
        importance=Importance.LOW,
        doc=(
            "Where the token for the schema registry comes from: `STATIC_TOKEN` is `confluent.bearer.auth.token`, `OAUTHBEARER` an "
            "identity provider. Goes before `confluent.basic.auth.credentials.source`."
        ),
    ),
    Setting(
        name="confluent.bearer.auth.token",
        type=Type.PASSWORD,
        default=None,
        importance=Importance.LOW,
        doc="The token, where `confluent.bearer.auth.credentials.source` is `STATIC_TOKEN`.",
    ),
    Setting(
        name="confluent.bearer.auth.issuer.endpoint.url",
        type=Type.STRING,
        default=None,
        importance=Importance.LOW,
        doc="Where the identity provider gives tokens for a client's id and secret, where the source is `OAUTHBEARER`.",
    ),
    Setting(
        name="confluent.bearer.auth.client.id",
        type=Type.STRING,
        default=None,
        importance=Importance.LOW,
        doc="The client's id there.",
    ),
    Setting(
        name="confluent.bearer.auth.client.secret",
        type=Type.PASSWORD,
        default=None,
        importance=Importance.LOW,
        doc="Its secret.",
    ),
    Setting(
        name="confluent.bearer.auth.scope",
        type=Type.STRING,
        default=None,
        importance=Importance.LOW,
        doc="The scope that tokens are asked for; none when not set.",
    ),
    Setting(
        name="confluent.bearer.auth.logical.cluster",
        type=Type.STRING,
        default=None,
        importance=Importance.LOW,
        doc="The schema registry's own id, sent with each request (`target-sr-cluster`) where a token is.",
    ),
    Setting(
        name="confluent.bearer.auth.identity.pool.id",
        type=Type.STRING,
        default=None,
        importance=Importance.LOW,
        doc="The identity pool, sent with each request (`Confluent-Identity-Pool-Id`) where a token is.",
    ),
    *_store(
        "truststore",
        "A file of the authorities that sign the schema registry's certificate; the system's when not set.",
    ),
    *_store("keystore", "A file of the certificate, with its key, that the schema registry is shown."),
    Setting(
        name="confluent.ssl.key.password",
        type=Type.PASSWORD,
        default=None,
        importance=Importance.LOW,
        doc="Opens the key in `confluent.ssl.keystore.location`.",
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
