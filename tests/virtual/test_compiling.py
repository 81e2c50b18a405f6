"""Machine code is found again for the sources it was made from, and for no others."""

import ast
import shutil

import numba
import pytest

from hwprof.firmware_stub.virtual import compiling

PREFIX = "hwprof.firmware_stub.virtual."


def imported(name):
    """Modules of the room that one of them imports."""
    tree = ast.parse((compiling.ROOM / f"{name}.py").read_text(encoding="utf-8"))
    froms = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {module.removeprefix(PREFIX) for module in froms if module.startswith(PREFIX)}


def test_every_compiled_module_is_a_source():
    """Those that use the compiler, and all that they take functions and constants from."""
    modules = [path.stem for path in compiling.ROOM.glob("*.py")]
    users = {name for name in modules if imported(name) & {"compiling", "host"}}
    needed = users.union(*map(imported, users))

    assert set(compiling.SOURCES) == needed


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A copy of the sources in a room of its own."""
    for name in compiling.SOURCES:
        shutil.copy(compiling.ROOM / f"{name}.py", tmp_path)
    monkeypatch.setattr(compiling, "ROOM", tmp_path)
    compiling._folder.cache_clear()
    yield tmp_path
    compiling._folder.cache_clear()


@pytest.mark.parametrize("name", compiling.SOURCES)
def test_another_source_is_another_folder(room, name):
    """A changed constant of any file."""
    before = compiling._folder("")
    compiling._folder.cache_clear()
    with (room / f"{name}.py").open("a", encoding="utf-8") as file:
        file.write("MORE = 1\n")

    assert compiling._folder("") != before


class TestPlace:
    """Where the folder is."""

    def test_beside_the_sources(self, room):
        """Where Python keeps its own."""
        assert compiling._folder("").parent == room / "__pycache__"

    def test_where_the_user_says(self, room, tmp_path):
        """In NUMBA_CACHE_DIR."""
        assert compiling._folder(str(tmp_path / "mine")).parent == tmp_path / "mine"

    @pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
    def test_in_the_users_cache_if_the_room_is_read_only(self, room, monkeypatch, variable):
        """As in a system-wide installation."""
        monkeypatch.setattr(compiling.os, "access", lambda *_: False)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setenv(variable, "/somewhere")

        place = {"XDG_CACHE_HOME": "/somewhere/numba", "HOME": "/somewhere/.cache/numba"}
        assert str(compiling._folder("").parent) == place[variable]


def test_other_code_keeps_its_cache(monkeypatch, tmp_path):
    """Numba's setting is as before, also when it refuses a function."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    compiling.compiled(imported)

    assert str(tmp_path) == numba.config.CACHE_DIR
