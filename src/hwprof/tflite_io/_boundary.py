"""QUANTIZE and DEQUANTIZE where the model meets the world.

The program starts and ends in int8: where a file takes or gives float32 or uint8, the caller of the
program converts, with the scale and zero point that the file states.
"""

from __future__ import annotations

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import QuantParams
from hwprof.tflite_io._arithmetic import import_quantise
from hwprof.tflite_io._content import TfliteTensor
from hwprof.tflite_io._draft import Call, Draft, params_of

_OUTER_TYPES = ("FLOAT32", "UINT8")


def read_inputs(draft: Draft) -> None:
    """Make the file's inputs the graph's; float ones take the parameters that they are brought to.

    Raises:
        ModelError: an input is of another type, batched, dynamic, or used as floating point.
    """
    for number in draft.file.inputs:
        tensor = draft.file.tensors[number]
        if len(tensor.dims) > 1 and tensor.dims[0] != 1:
            raise ModelError(
                f"a microcontroller runs one picture at a time; input {tensor.name!r} has shape "
                f"{list(tensor.dims)}; convert the model with batch 1."
            )
        draft.add_input(number, _input_params(draft, number, tensor))


def _input_params(draft: Draft, number: int, tensor: TfliteTensor) -> QuantParams:
    if tensor.type in ("INT8", "UINT8"):
        return params_of(tensor)
    targets = {
        op.outputs[0]
        for op in draft.file.operators
        if op.code == "QUANTIZE" and number in op.inputs
    }
    if tensor.type != "FLOAT32" or not targets:
        raise ModelError(
            f"the program starts in int8; input {tensor.name!r} is {tensor.type} and no QUANTIZE "
            "follows; convert with inference_input_type = tf.int8 and full integer quantisation."
        )
    return params_of(draft.file.tensors[min(targets)])


def import_boundary_quantise(call: Call) -> None:
    """QUANTIZE: a change of scale, or the step into int8 that the caller makes."""
    before, after = call.tensor(0), call.output()
    number = call.operator.inputs[0]
    if before.type not in ("INT8", *_OUTER_TYPES) or after.type not in ("INT8", "UINT8"):
        raise UnsupportedOperatorError(
            f"QUANTIZE leads to 8 bits; got {before.type} to {after.type}; quantise the whole "
            "model to int8."
        )
    if before.type == "INT8" and after.type == "INT8":
        import_quantise(call)
        return
    known = call.draft.values.get(number)
    if known is None or (before.type == "FLOAT32" and number not in call.draft.file.inputs):
        raise UnsupportedOperatorError(
            f"between its QUANTIZE and DEQUANTIZE a model computes in int8; {before.name!r} is "
            f"{before.type} inside; quantise the whole model to int8."
        )
    _cross(call, known, after)


def _cross(call: Call, known: str, after: TfliteTensor) -> None:
    params = params_of(after)
    if call.tensor(0).type == "FLOAT32" and call.draft.quantisation[known] != params:
        raise UnsupportedOperatorError(
            f"input {call.tensor(0).name!r} is quantised in two ways, and the program takes one; "
            "convert with inference_input_type = tf.int8."
        )
    call.finish(call.requantised(known, params))


def import_dequantise(call: Call) -> None:
    """DEQUANTIZE at the end: the int8 numbers before it are the program's output."""
    number, after = call.operator.outputs[0], call.output()
    is_end = number in call.draft.file.outputs and after.type == "FLOAT32"
    if not is_end or any(number in op.inputs for op in call.draft.file.operators):
        raise UnsupportedOperatorError(
            f"between its QUANTIZE and DEQUANTIZE a model computes in int8; {after.name!r} is "
            f"{after.type} inside; quantise the whole model, weights and activations, to int8."
        )
    call.finish(call.source())
