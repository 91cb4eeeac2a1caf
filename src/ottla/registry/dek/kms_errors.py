"""What goes wrong at a key management service."""

from __future__ import annotations


class KmsError(Exception):
    """The service can't be asked, or refuses. The message shows no secret."""
