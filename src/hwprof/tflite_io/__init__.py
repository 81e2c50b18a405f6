"""int8 TFLite files: a reader from their flatbuffer to the graph."""

from __future__ import annotations

from hwprof.tflite_io.reader import TfliteModel, read_tflite

__all__ = ["TfliteModel", "read_tflite"]
