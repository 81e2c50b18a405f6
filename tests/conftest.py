"""What every test shares: no workspace of the developer's, marked needs, no silent skips."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
# Every branch must be taken each time, hooks are interpreted: few examples, always the same.
settings.register_profile(
    "coverage",
    max_examples=10,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("night", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_CROSS_COMPILER = "arm-none-eabi-gcc"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --board and --no-skips."""
    parser.addoption("--board", metavar="TARGET", help="run board tests on TARGET, serial:/dev/...")
    parser.addoption(
        "--no-skips", action="store_true", help="fail if anything but a board test was skipped"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Watch for skips where the run must be complete."""
    if config.getoption("--no-skips") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_SkipWatch())


class _SkipWatch:
    """Turns a run that skipped something into a failed one."""

    def __init__(self) -> None:
        self._skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail") and "board" not in report.keywords:
            self._skipped.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._skipped.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for nodeid in self._skipped:
            terminalreporter.write_line(f"skipped, and --no-skips forbids it: {nodeid}", red=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run, and say what it would take."""
    if item.get_closest_marker("board") and not item.config.getoption("--board"):
        pytest.skip("needs a board: pytest --board serial:/dev/ttyACM0")
    if item.get_closest_marker("cross_compiler") and not shutil.which(_CROSS_COMPILER):
        pytest.skip(f"needs {_CROSS_COMPILER}: apt install gcc-arm-none-eabi")
    if item.get_closest_marker("browser") and not shutil.which("chromium"):
        pytest.skip("needs Chromium: apt install chromium")


@pytest.fixture(scope="session")
def board_target(request: pytest.FixtureRequest) -> str:
    """Target string of the board at the end of --board."""
    return str(request.config.getoption("--board"))


@pytest.fixture(scope="session", autouse=True)
def _own_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests never read or write the workspace of whoever runs them, nor that of a demo."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HWPROF_WORKSPACE", raising=False)
        patch.delenv("HWPROF_TARGET", raising=False)
        patch.chdir(tmp_path_factory.mktemp("nothing-here"))
        yield
