"""Lookup tables and fitted artefacts that ship with the package, and their loader."""

from hwprof.luts.table import (
    CYCLES_METRIC,
    LookupTable,
    load_table,
    save_table,
    shipped_folder,
)

__all__ = ["CYCLES_METRIC", "LookupTable", "load_table", "save_table", "shipped_folder"]
