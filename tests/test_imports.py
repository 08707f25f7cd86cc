"""Packages import only from those before them, and the command line starts light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "pushforward"

# A package may import from its own level and from those above it in this list.
LEVELS = [
    {"errors"},
    {"untrusted", "locking", "signals"},
    {"storage", "progress"},
    {"safekeeping"},
    {"data"},
    {"networks"},
    {"evaluation"},
    {"training"},
    {"drawing"},
    {"conditioning", "uncopied"},
    {"sampler", "space"},
    {"classical"},
    {"models"},
    {"methods"},
    {"card", "origin"},
    {"study"},
    {"report"},
    {"inspection"},
    {"cli_data"},
    {"cli_trust", "cli_report"},
    {"cli"},
]
LEVEL = {name: i for i, level in enumerate(LEVELS) for name in level}


def test_every_module_has_its_place():
    found = {p.stem for p in SOURCE.iterdir() if p.suffix == ".py" or p.is_dir()}
    assert found - {"__init__", "__main__", "__pycache__", "py"} == set(LEVEL)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: p.name)
def test_imports_go_one_way(path):
    own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return  # names what the packages offer, lazily; calls the command
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            pytest.fail(f"{path.name}: a relative import hides where it goes")
        for name in names:
            parts = name.split(".")
            if parts[0] != "pushforward" or len(parts) < 2 or parts[1] not in LEVEL:
                continue
            assert LEVEL[parts[1]] <= LEVEL[own], f"{path.name} imports {name}"
            same = LEVEL[parts[1]] == LEVEL[own] and parts[1] != own
            assert not same, f"{path.name} imports {name}, which is beside it"


def test_help_imports_nothing_heavy():
    code = "import sys, pushforward.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"torch", "sklearn", "scipy", "pandas", "matplotlib", "numpy"}
    assert heavy & set(loaded.stdout.split()) == set()
