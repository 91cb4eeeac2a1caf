"""What the DEK registry refuses, by the error codes and in the words of Confluent's DekRegistryErrors."""

from __future__ import annotations

from ottla.registry.errors import RegistryError


def key_not_found(name: str) -> RegistryError:
    return RegistryError(40470, f"Key '{name}' not found")


def key_not_soft_deleted(name: str) -> RegistryError:
    return RegistryError(40471, f"Key '{name}' was not deleted first before being permanently deleted")


def key_soft_deleted(name: str) -> RegistryError:
    return RegistryError(40472, f"Key '{name}' must be undeleted first")


def key_exists(name: str) -> RegistryError:
    return RegistryError(40971, f"Key '{name}' already exists; use a different value")


def too_many_keys(most: int) -> RegistryError:
    return RegistryError(40972, f"A maximum of {most} keys already exist")


def invalid_key(field: str) -> RegistryError:
    return RegistryError(42271, f"Invalid or missing value for field '{field}' of key")


def key_in_use(name: str) -> RegistryError:
    return RegistryError(42272, f"One or more references exist to the key {name}")


def not_encrypted(subject: str, reason: str) -> RegistryError:
    return RegistryError(50070, f"Could not generate encrypted dek for {subject}: {reason}")


def not_decrypted(subject: str, reason: str) -> RegistryError:
    return RegistryError(50070, f"Could not generate raw dek for {subject}: {reason}")
