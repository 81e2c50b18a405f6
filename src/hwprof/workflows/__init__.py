"""Pipelines that need several rooms: one module each, the only ones to import both halves."""
