"""The four networks of MLPerf Tiny.

Banbury et al., "MLPerf Tiny Benchmark", 2021 (arXiv 2106.07597), section 4.1; layers as in the
int8 TFLite files of github.com/mlcommons/tiny, benchmark/training. Softmax included where a file
has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwprof.graph import Activation
from hwprof.networks._chain import Chain
from hwprof.networks.mobilenets import mobilenet_v1_chain
from hwprof.networks.resnets import resnet_chain

if TYPE_CHECKING:
    from hwprof.architecture import Architecture

_ENCODER = (128, 128, 128, 128)
_CODE = 8
_SPECTRUM = 640  # five frames of 128 mel bins


def mlperf_tiny_ic() -> Architecture:
    """Image classification: ResNet-8 on CIFAR-10 (pretrainedResnet_quant.tflite)."""
    chain = resnet_chain("mlperf-tiny-ic", size=32, width=16, stage=(1, False))
    chain.dense(10)
    chain.softmax()
    return chain.finish()


def mlperf_tiny_kws() -> Architecture:
    """Keyword spotting: DS-CNN on 49 frames of 10 coefficients (kws_ref_model.tflite)."""
    chain = Chain("mlperf-tiny-kws", (49, 10, 1))
    chain.conv(64, (10, 4), stride=2)
    for _ in range(4):
        chain.separable(64)
    chain.global_pool()
    chain.dense(12)
    chain.softmax()
    return chain.finish()


def mlperf_tiny_vww() -> Architecture:
    """Visual wake words: MobileNetV1 0.25 at 96 x 96 (vww_96_int8.tflite)."""
    chain = mobilenet_v1_chain("mlperf-tiny-vww", alpha=0.25, size=96, classes=2)
    chain.softmax()
    return chain.finish()


def mlperf_tiny_ad() -> Architecture:
    """Anomaly detection: an autoencoder of dense layers (ad01_int8.tflite)."""
    chain = Chain("mlperf-tiny-ad", (1, 1, _SPECTRUM))
    for outputs in (*_ENCODER, _CODE, *_ENCODER):
        chain.dense(outputs, Activation.RELU)
    chain.dense(_SPECTRUM)
    return chain.finish()
