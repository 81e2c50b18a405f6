"""FastestDet as its authors published it, read, checked against onnxruntime, and modelled.

    python benchmarks/public_detector.py --shared-data DIR --json

DIR holds fastestdet/fastestdet_coco80_352x352.onnx (github.com/dog-qiuqiu/FastestDet, commit
50473cd). The float difference is between our reading of the file and onnxruntime's; the latency
is modelled, with activations in SDRAM where a 352 x 352 input has room.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime

from hwprof.measurement import Placement
from hwprof.models import resolve_model
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.calibration import evaluate

MODEL = Path("fastestdet/fastestdet_coco80_352x352.onnx")
PUBLISHED_MACS = 121_491_744  # convolutions, counted by the data's own README


def float_difference(path: Path) -> float:
    """Largest difference between our graph's outputs and the file's own, on one seeded input."""
    graph = resolve_model(str(path)).graph
    ((name, (height, width, channels)),) = graph.inputs.items()
    image = np.random.default_rng(0).random((height, width, channels), dtype=np.float32)
    ours = evaluate(graph, {name: image})[graph.outputs[0]]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {session.get_inputs()[0].name: image.transpose(2, 0, 1)[None]})
    return float(np.abs(ours - theirs[0].transpose(1, 2, 0)).max())


def main() -> None:
    """Read, compare, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    shared = os.environ.get("HWPROF_SHARED_DATA", "../shared/data")
    parser.add_argument("--shared-data", type=Path, default=Path(shared), metavar="DIR")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    path = options.shared_data / MODEL
    if not path.is_file():
        parser.error(f"--shared-data must hold {MODEL}; got {options.shared_data}")

    model = resolve_model(str(path))
    with Bench(Setup(placement=Placement(activations="sdram"))) as bench:
        program = bench.lower(model.graph)
        row = bench.measure(program, block_type="network", block_key=model.name)
    result = {
        "macs": model.graph.macs,
        "published_macs": PUBLISHED_MACS,
        "transposes": sum(node.op.kind == "transpose" for node in model.graph.nodes),
        "uncovered_operators": len(model.architecture.uncovered),
        "float_difference": float_difference(path),
        "modelled_ms": row.latency_us / 1000,
        "timing_model": row.origin.context.timing_model,
        "error": row.error,
    }
    print(
        json.dumps(result, indent=2)
        if options.json
        else "\n".join(f"{k:20} {v}" for k, v in result.items())
    )
    if row.error or model.graph.macs != PUBLISHED_MACS:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
