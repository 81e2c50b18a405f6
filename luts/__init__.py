"""Lookup tables and fitted artefacts that ship with the package, and their loader."""

from hwprof.luts.interpolation import Interpolator
from hwprof.luts.table import (
    CYCLES_METRIC,
    LookupTable,
    load_table,
    save_table,
    shipped_folder,
    tables_beside,
)

__all__ = [
    "CYCLES_METRIC",
    "Interpolator",
    "LookupTable",
    "load_table",
    "save_table",
    "shipped_folder",
    "tables_beside",
]
