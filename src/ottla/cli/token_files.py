"""`sasl.oauthbearer.token.endpoint.url=file:///…`: a token in a file, as Java clients take it; librdkafka asks for one by a callback."""

import base64
import json
import time
from collections.abc import Callable, Mapping

ENDPOINT = "sasl.oauthbearer.token.endpoint.url"
LIFE_UNKNOWN_S = 60.0
"""After this the file is read again, where the token does not tell how long it is good."""

TokenCallback = Callable[[str], tuple[str, float]]


def with_token_callback(properties: Mapping[str, object]) -> dict[str, object]:
    """The properties as confluent-kafka takes them. Raises `ValueError` for an address that is none."""
    address = str(properties.get(ENDPOINT, ""))
    if not address.startswith("file:"):
        return dict(properties)
    from ottla.client.oauth_login import token_source

    source = token_source(address, None)

    def callback(_config: str) -> tuple[str, float]:
        token = source.token()
        return token, expires_at_s(token)

    rest = {name: value for name, value in properties.items() if name != ENDPOINT}
    return rest | {"oauth_cb": callback}


def expires_at_s(token: str) -> float:
    """When the token ends, as it says itself; the broker is who checks it."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, ValueError, TypeError):
        return time.time() + LIFE_UNKNOWN_S
