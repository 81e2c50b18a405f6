"""Tables of anybody's measurements: read, checked line by line, and brought into a store."""

from hwprof.workflows.tables._columns import COLUMNS, Column
from hwprof.workflows.tables._contexts import TableDefaults
from hwprof.workflows.tables._importing import ImportReport, import_table, read_measurements

__all__ = [
    "COLUMNS",
    "Column",
    "ImportReport",
    "TableDefaults",
    "import_table",
    "read_measurements",
]
