"""The study that keeps a search: in an SQLite file, or any database that Optuna takes.

What a study was made of is kept with it, so that one name never mixes two searches.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from hwprof.errors import ConfigurationError, StoreError
from hwprof.search.candidate import Candidate
from hwprof.search.problem import Problem
from hwprof.search.strategies import Strategy
from hwprof.search.trials import finished

if TYPE_CHECKING:
    import optuna

Storage: TypeAlias = Path | str
"""An SQLite file, or the URL of a database, ``postgresql://host/studies``."""

_ORIGIN = "hwprof"
_SQLITE = "sqlite:///studies"  # the creator opens the file: a URL has other names for ? { and %
_WAIT_S = 120.0  # for other workers of one SQLite file


@contextmanager
def open_study(
    problem: Problem, strategy: Strategy, *, name: str, seed: int, storage: Storage
) -> Iterator[optuna.Study]:
    """The study of that name, made if there is none.

    Raises:
        ConfigurationError: the stored study belongs to another search.
        StoreError: the file is no storage of Optuna's, or cannot be used.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # progress is hwprof's to show
    try:
        study = _load(name, storage)
        _claim(study, origin(problem, strategy, seed))
        yield study
    except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        raise _unusable(storage, error) from error
    finally:
        optuna.logging.set_verbosity(verbosity)


def _load(name: str, storage: Storage) -> optuna.Study:
    import optuna

    try:
        return optuna.create_study(
            study_name=name,
            storage=optuna.storages.RDBStorage(**_connection(storage)),
            directions=["minimize", "maximize"],
            load_if_exists=True,
        )
    # RuntimeError: tables of another Optuna version; ImportError: no driver for the database;
    # ValueError: no such database.
    except (OSError, RuntimeError, ImportError, ValueError) as error:
        raise _unusable(storage, error) from error


def _connection(storage: Storage) -> dict[str, Any]:
    if isinstance(storage, str):
        return {"url": storage}
    storage.parent.mkdir(parents=True, exist_ok=True)
    options = {"creator": partial(_connect, storage)}
    return {"url": _SQLITE, "engine_kwargs": options}


def _connect(path: Path) -> sqlite3.Connection:
    """A connection for one of several processes.

    A trial is a dozen commits; with a write-ahead log they do not each wait for the disk. What is
    committed survives a killed process; a power failure may take the last trials, no more.
    """
    connection = sqlite3.connect(path, timeout=_WAIT_S, check_same_thread=False)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = normal")
    return connection


def _unusable(storage: Storage, error: Exception) -> StoreError:
    reason = _first_line(error)
    if isinstance(storage, str):
        return StoreError(
            f"the studies in {_without_password(storage)!r} cannot be used "
            f"({reason.replace(storage, '...')}); check the URL, that the database answers and "
            "that its driver is installed, or leave out --storage."
        )
    return StoreError(
        f"the studies in {str(storage)!r} cannot be used ({reason}); check that "
        "it is Optuna's own file and that the disk has room, or choose another --workspace."
    )


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url.partition("@")[2] or url


def _first_line(error: Exception) -> str:
    """Of what a database said, where a library raised an error of its own from it."""
    said = error.__cause__ or error
    return str(said).partition("\n")[0] or type(said).__name__


def origin(problem: Problem, strategy: Strategy, seed: int) -> dict[str, object]:
    """What a study's trials belong to, as it is kept with them."""
    how = {"strategy": strategy.name, "seed": seed}
    return {**_objectives(problem), **how, **_limits(problem)}


def find_trials(problem: Problem, storage: Path) -> dict[str, list[Candidate]]:
    """Finished trials of each study of a problem by any strategy and seed, by its name.

    None where there is no file, or one that the installed Optuna did not write.

    Raises:
        StoreError: the file cannot be read now, because it is locked, say, or damaged.
    """
    if not _has_studies(storage):
        return {}
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        kept = optuna.storages.RDBStorage(**_connection(storage))
        names = optuna.get_all_study_names(kept)
        studies = [optuna.load_study(study_name=name, storage=kept) for name in names]
        return {s.study_name: finished(s, problem.space) for s in studies if _is_of(s, problem)}
    except RuntimeError:  # tables of another Optuna version
        return {}
    except (SQLAlchemyError, optuna.exceptions.OptunaError, ValueError) as error:
        raise _unusable(storage, error) from error


def _has_studies(file: Path) -> bool:
    """Whether Optuna wrote a file; one of somebody else's stays as it is."""
    if not file.is_file():
        return False
    try:
        with closing(sqlite3.connect(file, timeout=_WAIT_S)) as connection:
            found = connection.execute("select 1 from sqlite_master where name = 'studies'")
            return found.fetchone() is not None
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            return False
        raise _unusable(file, error) from error


def _is_of(study: optuna.Study, problem: Problem) -> bool:
    stored = _stored_origin(study)
    how = {name: stored.get(name) for name in ("strategy", "seed")}
    return stored == {**_objectives(problem), **how, **_limits(problem)}


def _stored_origin(study: optuna.Study) -> dict[str, object]:
    """Nothing where somebody else uses the attribute for something else."""
    stored = study.user_attrs.get(_ORIGIN)
    return stored if isinstance(stored, dict) else {}


def _objectives(problem: Problem) -> dict[str, object]:
    return {
        "space": problem.space.name,
        "space_sha256": problem.space.fingerprint,
        "task": problem.task.name,
        "latency": problem.latency.name,
        "budget_us": problem.budget_us,
    }


def _limits(problem: Problem) -> dict[str, object]:
    limits = {limit.name: limit.most for limit in problem.limits}
    return {"limits": limits} if limits else {}


def _claim(study: optuna.Study, wanted: Mapping[str, object]) -> None:
    if _ORIGIN not in study.user_attrs and not study.get_trials(deepcopy=False):
        study.set_user_attr(_ORIGIN, dict(wanted))
        return
    was = _stored_origin(study)
    different = [key for key in (*wanted, *was) if was.get(key) != wanted.get(key)]
    if different:
        key = different[0]
        raise ConfigurationError(
            f"a study goes on with the search that it was made for; {study.study_name!r} has "
            f"{key} {was.get(key)!r}, this search {wanted.get(key)!r}; choose another --study name."
        )
