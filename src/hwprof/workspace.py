"""Where a user's work lives: samples, measurements, artefacts and studies in one folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hwprof.errors import ConfigurationError

ENVIRONMENT_VARIABLE = "HWPROF_WORKSPACE"
DEFAULT_FOLDER = "hwprof-work"
TEMPLATE_FILE = "block_type.json"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder and the names inside it; nothing is created before it is needed."""

    root: Path

    @classmethod
    def resolve(cls, folder: str | os.PathLike[str] | None = None) -> Workspace:
        """The folder given, else ``$HWPROF_WORKSPACE``, else ``./hwprof-work``."""
        return cls(Path(folder or os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_FOLDER))

    def make(self) -> None:
        """Create the folder.

        Raises:
            ConfigurationError: it cannot be created.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the workspace {self.root} cannot be made ({error.strerror}); choose another "
                "--workspace."
            ) from error

    @property
    def samples(self) -> Path:
        """Folder with one subfolder of ONNX files and a manifest for each block type."""
        return self.root / "samples"

    def template(self, name: str) -> Path:
        """The file that describes a block type of the user's own, beside its samples."""
        return self.samples / name / TEMPLATE_FILE

    @property
    def has_samples(self) -> bool:
        """Whether anything was sampled here."""
        return any(self.samples.glob("*/manifest.json"))

    @property
    def store(self) -> Path:
        """The measurement store, an SQLite file."""
        return self.root / "measurements.sqlite"

    @property
    def artefacts(self) -> Path:
        """Folder of the surrogates fitted here."""
        return self.root / "artefacts"

    @property
    def studies(self) -> Path:
        """Optuna's storage, an SQLite file."""
        return self.root / "studies.sqlite"

    @property
    def learning_curves(self) -> Path:
        """Errors against samples, as far as they were drawn here."""
        return self.root / "learning_curves.json"
