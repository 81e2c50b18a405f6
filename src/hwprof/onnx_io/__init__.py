"""ONNX files in and out: ``Graph`` to standard ONNX, and anybody's ONNX to ``Graph``.

    Graph --write_onnx--> file --read_onnx--> OnnxModel(graph, metadata, file_sha256)

Nothing of onnx, protobuf or numpy escapes: a file that cannot be read is a ``ModelError``.
"""

from hwprof.onnx_io.reader import OnnxModel, OnnxTensor, read_onnx
from hwprof.onnx_io.writer import to_model_proto, write_onnx

__all__ = ["OnnxModel", "OnnxTensor", "read_onnx", "to_model_proto", "write_onnx"]
