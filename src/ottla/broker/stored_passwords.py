"""Passwords among this broker's dynamic settings: in clear where they are used, encoded where they are kept.

    the tree, the image        what `password_encoding` makes of them, where `password.encoder.secret` is set; else in clear
    BrokerConfig, its layers   in clear

Keys are derived on a thread: `learn` reads what is stored at a start, `prepare` encodes what a client sets before the change is
decided. `opened` and `sealed` then only look up. With a new secret, or the first, what is stored otherwise is `outdated`: the start
encodes it anew.

Source: Apache's DynamicBrokerConfig of 3.9 (`toPersistentProps`, `fromPersistentProps`, `maybeReEncodePasswords`).
"""

import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from ottla.config.broker_config import BrokerConfig, setting_for
from ottla.config.password_encoder import DEFAULT_KEY_FACTORY, is_encoded
from ottla.config.values import Password
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from ottla.security.password_encoding import PasswordEncoder

MAX_REMEMBERED: Final = 1_000
"""Passwords of changes that are under way or were refused; at one more, all that are not stored are forgotten."""

_log = logging.getLogger(__name__)

InThread = Callable[[Callable[[], None]], Awaitable[None]]


def is_password(name: str) -> bool:
    """Whether a setting is a secret."""
    setting = setting_for(name)
    return setting is not None and setting.sensitive


class StoredPasswords:
    """One broker's. Used on the loop."""

    def __init__(self, config: BrokerConfig, in_thread: InThread) -> None:
        self._encoder = _encoder(config, "password.encoder.secret")
        self._older = _encoder(config, "password.encoder.old.secret")
        self._in_thread = in_thread
        self._clear: dict[str, str] = {}
        """By the stored text."""
        self._encoded: dict[tuple[str, str], str] = {}
        """By setting and password."""
        self._outdated: set[str] = set()
        """Stored texts that are not encoded by the secret that holds now."""

    async def learn(self, stored: Mapping[str, str]) -> None:
        """Decode what is stored; tells what can't be, which `opened` then leaves out."""
        texts = {name: text for name, text in stored.items() if is_password(name)}
        if not texts:
            return
        if self._encoder is not None:
            await self._in_thread(lambda: self._decode(texts.values()))
        for name, text in texts.items():
            if is_encoded(text) and text not in self._clear:
                secret = "password.encoder.secret"  # noqa: S105 - its name
                how = "is not set" if self._encoder is None else "does not fit"
                _log.error(
                    "Dynamic password config %s could not be decoded, ignoring: %s %s", name, secret, how
                )

    def _decode(self, texts: Iterable[str]) -> None:
        """On a thread."""
        for text in texts:
            if not is_encoded(text):
                self._clear[text] = text
                self._outdated.add(text)
                continue
            for encoder in (self._older, self._encoder):
                if encoder is None:
                    continue
                try:
                    self._clear[text] = encoder.decode(text)
                except ValueError:
                    continue
                if encoder is self._older:
                    self._outdated.add(text)
                break

    def opened(self, stored: Mapping[str, str]) -> dict[str, str]:
        """The settings as they hold."""
        opened = {}
        for name, text in stored.items():
            if not is_password(name) or (self._encoder is None and not is_encoded(text)):
                opened[name] = text
            elif text in self._clear:
                opened[name] = self._clear[text]
        return opened

    def outdated(self, stored: Mapping[str, str]) -> list[str]:
        """Names of passwords that are stored in clear, or encoded by the old secret."""
        return [name for name, text in stored.items() if is_password(name) and text in self._outdated]

    async def prepare(self, settings: Mapping[str, str | None], stored: Mapping[str, str]) -> None:
        """Encode the passwords among settings that may be stored soon; `stored` are those that are."""
        encoder = self._encoder
        new = [
            (name, text)
            for name, text in settings.items()
            if text is not None and is_password(name) and (name, text) not in self._encoded
        ]
        if encoder is None or not new:
            return
        if len(self._encoded) + len(new) > MAX_REMEMBERED:
            self._forget_all_but(frozenset(stored.values()))
        encoded: dict[tuple[str, str], str] = {}
        await self._in_thread(lambda: encoded.update((each, encoder.encode(each[1])) for each in new))
        self._encoded.update(encoded)
        self._clear.update((text, clear) for (_, clear), text in encoded.items())

    def sealed(self, settings: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
        """The settings as they are to be stored in place of `stored`; new passwords were prepared. Raises `KafkaError`."""
        if self._encoder is None:
            return dict(settings)
        return {
            name: self._sealed(name, text, stored.get(name)) if is_password(name) else text
            for name, text in settings.items()
        }

    def _sealed(self, name: str, password: str, held: str | None) -> str:
        is_held = held is not None and self._clear.get(held) == password
        if held is not None and is_held and held not in self._outdated:
            return held
        encoded = self._encoded.get((name, password))
        if encoded is not None:
            return encoded
        if held is None or not is_held:  # forgotten again: a thousand others came between
            raise KafkaError(
                ErrorCode.REQUEST_TIMED_OUT, f"{name} could not be encoded in time; set it again"
            )
        return held

    def _forget_all_but(self, stored: frozenset[str]) -> None:
        self._clear = {text: clear for text, clear in self._clear.items() if text in stored}
        self._encoded = {key: text for key, text in self._encoded.items() if text in stored}


def _encoder(config: BrokerConfig, name: str) -> "PasswordEncoder | None":
    secret = config.get(name)
    if not isinstance(secret, Password) or not secret.secret:
        return None
    from ottla.security.password_encoding import PasswordEncoder, PasswordEncoding  # noqa: PLC0415 - few brokers encode any

    length, iterations = config.get("password.encoder.key.length"), config.get("password.encoder.iterations")
    assert isinstance(length, int)
    assert isinstance(iterations, int)
    encoding = PasswordEncoding(
        key_factory=str(config.get("password.encoder.keyfactory.algorithm") or DEFAULT_KEY_FACTORY),
        cipher=str(config.get("password.encoder.cipher.algorithm")),
        key_length_bits=length,
        iterations=iterations,
    )
    return PasswordEncoder(secret.secret, encoding, os.urandom)
