"""The coordinator is a state machine: it has no loop, socket, file, clock or chance of its own."""

import ast
from pathlib import Path

import pytest

import ottla.groups

ROOM = Path(ottla.groups.__file__).parent
FORBIDDEN = {
    "asyncio",
    "io",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "threading",
    "time",
    "uuid",
    "datetime",
}


@pytest.mark.parametrize("module", sorted(ROOM.glob("*.py")), ids=lambda path: path.stem)
def test_nothing_is_imported_that_acts_by_itself(module: Path) -> None:
    """Time, records and member ids come in; records, replies and timers go out."""
    imported = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            imported.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    assert not imported & FORBIDDEN
