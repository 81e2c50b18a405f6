"""Lookup tables and fitted artefacts that ship with the package, and their loader."""
