"""Studies that are looked for in a file: whose they are, and what a file is that has none."""

import sqlite3
from contextlib import closing

import optuna
import pytest

from hwprof.errors import ConfigurationError, StoreError
from hwprof.search.loop import SearchOptions, run_search
from hwprof.search.strategies import get_strategy
from hwprof.search.study import find_trials

RANDOM = get_strategy("random")
ONE = SearchOptions(trials=1, study="mine")


def found(problem, storage):
    """Names of the studies."""
    return list(find_trials(problem, storage))


def change(storage, statement, values=()):
    """What somebody else did to the file."""
    with closing(sqlite3.connect(storage)) as connection, connection:
        connection.execute(statement, values)


@pytest.mark.parametrize("folder", ["plain", "a?b", "a?timeout=b", "a{b}", "a%2fb", "a#b"])
def test_studies_are_found_in_a_folder_of_any_name(make_problem, tmp_path, folder):
    """A path is no URL, and nothing is left beside it."""
    storage = tmp_path / folder / "studies.db"
    run_search(make_problem(), RANDOM, ONE, storage=storage)
    assert found(make_problem(), storage) == ["mine"]
    assert [path.name for path in tmp_path.iterdir()] == [folder]


def test_a_file_that_is_not_there_has_none_and_is_not_made(make_problem, tmp_path):
    """Its folder neither."""
    assert found(make_problem(), tmp_path / "none" / "studies.db") == []
    assert not any(tmp_path.iterdir())


def test_a_file_that_is_no_database_has_none(make_problem, tmp_path):
    """It stays as it was."""
    storage = tmp_path / "studies.db"
    storage.write_text("mine")
    assert found(make_problem(), storage) == []
    assert storage.read_text() == "mine"


def test_a_database_of_somebody_else_has_none(make_problem, tmp_path):
    """It stays as it was, too."""
    storage = tmp_path / "studies.db"
    change(storage, "create table songs (name text)")
    before = storage.read_bytes()
    assert found(make_problem(), storage) == []
    assert storage.read_bytes() == before


def test_tables_of_another_optuna_have_none(make_problem, storage):
    """They are not ours to read."""
    run_search(make_problem(), RANDOM, ONE, storage=storage)
    change(storage, "update version_info set schema_version = 99")
    change(storage, "update alembic_version set version_num = 'v99'")
    assert found(make_problem(), storage) == []


@pytest.mark.parametrize("json", ['"text"', "[1, 2]", "null", "3"])
def test_a_study_with_another_attribute_of_our_name_is_not_ours(make_problem, storage, json):
    """Neither found nor gone on with."""
    run_search(make_problem(), RANDOM, ONE, storage=storage)
    change(storage, "update study_user_attributes set value_json = ?", (json,))
    assert found(make_problem(), storage) == []
    with pytest.raises(ConfigurationError, match="'mine' has space None"):
        run_search(make_problem(), RANDOM, ONE, storage=storage)


def test_a_file_that_is_locked_is_one_sentence(make_problem, storage, tmp_path, monkeypatch):
    """Not the answer that there are no studies."""
    monkeypatch.setattr("hwprof.search.study._WAIT_S", 0.05)
    run_search(make_problem(), RANDOM, ONE, storage=tmp_path / "open")  # by Optuna's connections
    storage.parent.mkdir()
    with closing(sqlite3.connect(storage, isolation_level=None)) as other:
        with closing(sqlite3.connect(tmp_path / "open")) as source:
            source.backup(other)
        other.execute("pragma locking_mode = exclusive")
        other.execute("begin exclusive")
        with pytest.raises(StoreError, match=r"cannot be used \(database is locked\); check"):
            find_trials(make_problem(), storage)
        other.execute("rollback")
    assert found(make_problem(), storage) == ["mine"]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("alter table studies rename study_name to was", "no such column: studies.study_name"),
        ("alter table study_user_attributes rename value_json to was", "no such column: study_us"),
        ("update study_user_attributes set value_json = '{'", "Expecting property name"),
    ],
)
def test_a_damaged_file_is_one_sentence(make_problem, storage, statement, reason):
    """With what is wrong."""
    run_search(make_problem(), RANDOM, ONE, storage=storage)
    change(storage, statement)
    with pytest.raises(StoreError, match=rf"cannot be used \(.*{reason}.*\); check"):
        find_trials(make_problem(), storage)


def test_the_studies_of_other_people_are_left_out(make_problem, storage):
    """They have no attribute of ours."""
    run_search(make_problem(), RANDOM, ONE, storage=storage)
    optuna.create_study(study_name="theirs", storage=f"sqlite:///{storage}")
    assert found(make_problem(), storage) == ["mine"]
