"""From measured rows to predictions with intervals; never talks to a device."""

from hwprof.surrogates.artefact import Artefact, load_artefact, save_artefact
from hwprof.surrogates.predict import (
    BlockPrediction,
    LatencyPrediction,
    Predictor,
    load_predictor,
    predict_latency,
)

__all__ = [
    "Artefact",
    "BlockPrediction",
    "LatencyPrediction",
    "Predictor",
    "load_artefact",
    "load_predictor",
    "predict_latency",
    "save_artefact",
]
