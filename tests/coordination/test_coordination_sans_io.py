"""The coordinators are state machines: they have no loop, socket, file, clock or chance of their own."""

import ast
from pathlib import Path

import pytest

import ottla

HOUSE = Path(ottla.__file__).parent
ROOMS = ("coordination", "groups", "transactions", "shares")
MODULES = [module for room in ROOMS for module in sorted((HOUSE / room).glob("*.py"))]
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


@pytest.mark.parametrize("module", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_nothing_is_imported_that_acts_by_itself(module: Path) -> None:
    """Time, records and member ids come in; records, replies and timers go out."""
    imported = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            imported.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    assert not imported & FORBIDDEN
