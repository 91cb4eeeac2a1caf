"""What the registry refuses, by the error codes and in the words of Confluent's.

    RegistryError      status, error_code and message of the answer
    FieldError         a field of a JSON body has the wrong form (`json_fields.py` raises it)

The first three digits of a code are the HTTP status. 42201 and the like come with HTTP 422.
"""

from __future__ import annotations


class RegistryError(Exception):
    """A request is answered with this status, error code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status: the code itself, or its first three digits."""
        return self.code if self.code < 1000 else self.code // 100


class FieldError(RegistryError):
    """A field of a body is missing or of another type than it has to be."""

    def __init__(self, message: str) -> None:
        super().__init__(422, message)


def subject_not_found(subject: str | None) -> RegistryError:
    return RegistryError(40401, f"Subject '{subject}' not found.")


def version_not_found(version: int) -> RegistryError:
    return RegistryError(40402, f"Version {version} not found.")


def schema_not_found(what: int | str | None = None) -> RegistryError:
    return RegistryError(40403, "Schema not found" if what is None else f"Schema {what} not found")


def subject_soft_deleted(subject: str) -> RegistryError:
    return RegistryError(
        40404, f"Subject '{subject}' was soft deleted.Set permanent=true to delete permanently"
    )


def subject_not_soft_deleted(subject: str) -> RegistryError:
    return RegistryError(40405, f"Subject '{subject}' was not deleted first before being permanently deleted")


def version_soft_deleted(subject: str, version: str) -> RegistryError:
    return RegistryError(
        40406,
        f"Subject '{subject}' Version {version} was soft deleted.Set permanent=true to delete permanently",
    )


def version_not_soft_deleted(subject: str, version: int) -> RegistryError:
    return RegistryError(
        40407,
        f"Subject '{subject}' Version {version} was not deleted first before being permanently deleted",
    )


def level_not_configured(subject: str | None) -> RegistryError:
    return RegistryError(40408, f"Subject '{subject}' does not have subject-level compatibility configured")


def mode_not_configured(subject: str | None) -> RegistryError:
    return RegistryError(40409, f"Subject '{subject}' does not have subject-level mode configured")


def association_not_found(resource: str) -> RegistryError:
    return RegistryError(40410, f"Association for '{resource}' not found.")


def incompatible(subject: str, texts: list[str]) -> RegistryError:
    details = ", ".join(texts)
    return RegistryError(
        40901,
        "Schema being registered is incompatible with an earlier schema for subject "
        f'"{subject}", details: [{details}]',
    )


def association_for_resource_exists(association_type: str, resource: str) -> RegistryError:
    return RegistryError(
        40903, f"An association of type '{association_type}' already exists for resource '{resource}'"
    )


def association_for_subject_exists(subject: str) -> RegistryError:
    return RegistryError(40904, f"An association already exists for subject '{subject}'")


def strong_association_exists(subject: str) -> RegistryError:
    return RegistryError(40905, f"A strong association already exists for subject '{subject}'")


def no_active_version(subject: str) -> RegistryError:
    return RegistryError(40907, f"No active (non-deleted) version exists for subject '{subject}'")


def association_frozen(association_type: str, subject: str) -> RegistryError:
    return RegistryError(
        40908, f"The association of type  '{association_type}' is frozen for subject '{subject}'"
    )


def invalid_schema(message: str) -> RegistryError:
    return RegistryError(42201, message)


def invalid_version(version: str) -> RegistryError:
    return RegistryError(
        42202,
        f"The specified version '{version}' is not a valid version id. Allowed values are between "
        '[1, 2^31-1] and the string "latest"',
    )


def invalid_level() -> RegistryError:
    return RegistryError(
        42203,
        "Invalid compatibility level. Valid values are none, backward, forward, full, "
        "backward_transitive, forward_transitive, and full_transitive",
    )


def policy_against_level(level: str) -> RegistryError:
    return RegistryError(
        42203,
        f"The compatibilityPolicy LOGICAL does not go with the compatibility level {level}: later schemas of a table read "
        "what was written by earlier ones, never the other way round",
    )


def invalid_mode() -> RegistryError:
    return RegistryError(
        42204, "Invalid mode. Valid values are READWRITE, READONLY, READONLY_OVERRIDE, IMPORT, and FORWARD."
    )


def not_permitted(message: str) -> RegistryError:
    return RegistryError(42205, message)


def reference_exists(subject: str, version: int) -> RegistryError:
    key = f"{{magic=1,keytype=SCHEMA,subject={subject},version={version}}}"
    return RegistryError(42206, f"One or more references exist to the schema {key}.")


def invalid_subject(subject: str) -> RegistryError:
    return RegistryError(42208, f"The specified subject '{subject}' is not a valid.")


def schema_too_large() -> RegistryError:
    return RegistryError(42209, "Register operation failed because schema is too large")


def invalid_rule_set(message: str) -> RegistryError:
    return RegistryError(42210, message)


def context_not_empty(context: str) -> RegistryError:
    return RegistryError(42211, f"The specified context '{context}' is not empty.")


def invalid_association(field: str, detail: str) -> RegistryError:
    return RegistryError(
        42212, f"The association specified an invalid value for property: '{field}', detail: {detail}"
    )


def batch_too_long() -> RegistryError:
    return RegistryError(42213, "Associations batchMutate request exceeded a configured limit")


def too_busy(message: str) -> RegistryError:
    """One of the registry's bounds is reached. The original has none of them; clients try again after a 503."""
    return RegistryError(503, message)


def store_failed(message: str) -> RegistryError:
    return RegistryError(50001, message)


def timed_out(message: str) -> RegistryError:
    return RegistryError(50002, message)


def forwarding_failed(message: str) -> RegistryError:
    return RegistryError(50003, message)


def no_leader() -> RegistryError:
    return RegistryError(50004, "Leader not known.")
