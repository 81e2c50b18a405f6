"""Campaigns measure each sample once on the virtual RT1170 and lose nothing that is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path

import pytest

from hwprof.errors import ConfigurationError, LinkError
from hwprof.measurement import Placement
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.campaign import Task, run_campaign
from hwprof.profiler.sampling import sample, write_samples
from hwprof.profiler.store import MeasurementStore


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Task]:
    """Three sampled blocks on disk."""
    folder = tmp_path_factory.mktemp("samples")
    manifest = write_samples(sample("dwconv", 3, seed=5), folder, seed=5, method="low-discrepancy")
    return [
        Task(folder / entry.file, entry.config.block_type, entry.config.key)
        for entry in manifest.entries
    ]


@pytest.fixture
def store(tmp_path: Path) -> MeasurementStore:
    """An empty store."""
    return MeasurementStore(tmp_path / "measurements.sqlite", create=True)


def test_every_task_becomes_a_verified_row(tasks: list[Task], store: MeasurementStore) -> None:
    """Each sample is measured, agrees with the reference, and is stored under its key."""
    report = run_campaign(tasks, store, setup=Setup())
    frame = store.frame()

    assert (report.asked, report.measured) == (3, 3)
    assert set(frame["block_key"]) == {task.block_key for task in tasks}
    assert set(frame["error"]) == {""}


def test_a_second_run_measures_nothing(tasks: list[Task], store: MeasurementStore) -> None:
    """Tasks with a row are passed over."""
    run_campaign(tasks, store, setup=Setup())
    report = run_campaign(tasks, store, setup=Setup())

    assert (report.measured, report.already_stored) == (0, 3)


def test_a_recorded_campaign_replays_to_the_same_rows(tasks: list[Task], tmp_path: Path) -> None:
    """Byte for byte the same line, row for row the same store."""
    recording = tmp_path / "line.jsonl"
    stores = [
        MeasurementStore(tmp_path / f"{name}.sqlite", create=True) for name in ("board", "replay")
    ]
    run_campaign(tasks, stores[0], setup=Setup(record=recording))
    report = run_campaign(tasks, stores[1], setup=Setup(f"replay:{recording}"))

    measured, replayed = (store.frame() for store in stores)
    assert report.measured == 3
    assert replayed.equals(measured)


def test_an_interrupted_campaign_keeps_its_rows(tasks: list[Task], store: MeasurementStore) -> None:
    """What was measured before an interruption is stored; the next run does the rest."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_campaign(tasks, store, setup=Setup(), progress=interrupt)
    report = run_campaign(tasks, store, setup=Setup())

    assert (report.measured, report.already_stored) == (2, 1)


def test_an_unreadable_sample_is_refused_and_counted(
    tasks: list[Task], store: MeasurementStore, tmp_path: Path
) -> None:
    """A broken file costs its own row and no other; the report says why."""
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x00\x01garbage")
    report = run_campaign([replace(tasks[0], path=broken), *tasks[1:]], store, setup=Setup())

    assert (report.measured, len(report.refused)) == (2, 1)
    assert "broken.onnx" in str(report)


def test_workers_and_one_process_measure_the_same(
    tasks: list[Task], store: MeasurementStore, tmp_path: Path
) -> None:
    """Two processes with a virtual board each store the cycles that one process stores."""
    run_campaign(tasks, store, setup=Setup())
    with MeasurementStore(tmp_path / "other.sqlite", create=True) as other:
        run_campaign(tasks, other, setup=Setup(), workers=2)

        assert other.frame()["cycles"].tolist() == store.frame()["cycles"].tolist()


def test_measuring_twice_gives_the_same_cycles(tasks: list[Task]) -> None:
    """The virtual board is deterministic: repeats do not spread."""
    from hwprof.onnx_io import read_onnx

    with Bench(Setup(repeats=3)) as bench:
        program = bench.lower(read_onnx(tasks[0].path).graph)
        row = bench.measure(program, block_type="dwconv", block_key=tasks[0].block_key)

    assert row.spread_cycles == 0
    assert row.cycles == sum(layer.cycles for layer in row.operators)


def _kill_workers(count: int) -> Callable[[object], None]:
    """Kills so many worker processes behind the first outcome."""
    victims = iter(range(count))

    def kill(_: object) -> None:
        for worker, _number in zip(active_children(), victims, strict=False):
            worker.kill()
            worker.join()

    return kill


def test_a_dead_worker_costs_no_task(tasks: list[Task], store: MeasurementStore) -> None:
    """What it had under way is done by the other one, and the report tells of it."""
    report = run_campaign(tasks, store, setup=Setup(), workers=2, progress=_kill_workers(1))

    assert (report.measured, report.left) == (3, 0)
    assert "a worker process died" in str(report)
    assert len(store.frame()) == 3


def test_without_workers_a_campaign_ends_and_goes_on(
    tasks: list[Task], store: MeasurementStore
) -> None:
    """When the last one died the rows are stored, and the same call does the rest."""
    with pytest.raises(LinkError, match=r"a worker process died.* of 3 tasks are done"):
        run_campaign(tasks, store, setup=Setup(), workers=2, progress=_kill_workers(2))
    stored = len(store.frame())
    report = run_campaign(tasks, store, setup=Setup())

    assert 1 <= stored < 3
    assert (report.measured, report.already_stored) == (3 - stored, stored)


def test_an_error_in_a_worker_is_raised_here(tasks: list[Task], store: MeasurementStore) -> None:
    """What a worker cannot do is told as it would be without workers."""
    setup = Setup(placement=Placement(activations="nowhere"))

    with pytest.raises(ConfigurationError, match="nowhere"):
        run_campaign(tasks, store, setup=setup, workers=2)
