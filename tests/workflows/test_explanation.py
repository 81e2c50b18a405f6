"""``hwprof explain`` names what a table was made under, and says so when nothing explains it."""

from __future__ import annotations

import json
import math
import random
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from click.testing import CliRunner

from hwprof.blocks import GraphBuilder
from hwprof.cli import main
from hwprof.errors import ConfigurationError, ModelError, StoreError
from hwprof.graph import Activation, Conv2d, FullyConnected, MaxPool, Mean, Pads
from hwprof.measurement import Measurement
from hwprof.models import resolve_model
from hwprof.onnx_io import write_onnx
from hwprof.profiler.bench import Setup
from hwprof.testing.tflite import small_network
from hwprof.workflows.explanation import Resimulator, explain
from hwprof.workflows.explanation.align import Alignment, Pair, align, kind_of, layers_of
from hwprof.workflows.explanation.hypotheses import SAME, at_clock, hypotheses
from hwprof.workflows.explanation.judge import decide, judge
from hwprof.workflows.explanation.run import SCALED, _check_timed, judge_table, layer_times
from hwprof.workflows.explanation.table import LayerTable, Line, Unit, read_layer_table

NOISE = 0.03
EVENTS = '"Event","Tag","Ticks"\n0,CONV_2D,100\n1,DEPTHWISE_CONV_2D,200\n2,SOFTMAX,7\n'
WITH_MS = (
    'junk\n"Event","Tag","Ticks","ms"\n0,CONV_2D,100,1\n1,DEPTHWISE_CONV_2D,200,2\n2,SOFTMAX,7,0\n'
)
PADDED = (
    '"Event","Tag","Ticks", "Percentage"\n0    ,CONV_2D         ,100             ,3.10%\n'
    "1    ,DEPTHWISE_CONV_2D,200            ,9.00%\n2    ,SOFTMAX ,7 ,1.00%\n"
)
LOGGED = (
    "CONV_2D took 100 ticks (1 ms).\nDEPTHWISE_CONV_2D took 200 ticks (2 ms).\n"
    "I (312) tflm: SOFTMAX took 7 ticks (0 ms).\n"
)


def _conv(channels, kernel, *, stride=1, groups=1):
    return Conv2d(
        kernel_h=kernel, kernel_w=kernel, stride_h=stride, stride_w=stride,
        pads=Pads.same(kernel), out_channels=channels, groups=groups, activation=Activation.RELU,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Seven layers whose activations do not fit the caches."""
    builder = GraphBuilder()
    x = builder.input("input", (48, 48, 16))
    for name, op in (
        ("dw", _conv(16, 3, groups=16)),
        ("pw", _conv(24, 1)),
        ("pool", MaxPool(kernel_h=2, kernel_w=2, stride_h=2, stride_w=2)),
        ("conv", _conv(16, 3)),
        ("wide", _conv(64, 1, stride=2)),
        ("narrow", _conv(96, 3, stride=2)),
        ("mean", Mean()),
        ("fc", FullyConnected(out_features=32)),
    ):
        x = builder.add(name, name, op, x)
    path = tmp_path_factory.mktemp("model") / "seven.onnx"
    write_onnx(builder.finish("seven", [x]), path)
    return resolve_model(str(path)), path


@dataclass(frozen=True)
class Remembering(Resimulator):
    """Runs each hypothesis once, however many tests ask for it."""

    found: dict[str, Measurement] = field(default_factory=dict)

    def run(self, hypothesis):
        if hypothesis.name not in self.found:
            self.found[hypothesis.name] = super().run(hypothesis)
        return self.found[hypothesis.name]


@pytest.fixture(scope="module")
def resimulator(model):
    """The model on the virtual RT1170."""
    return Remembering(model[0], Setup())


@pytest.fixture(scope="module")
def runs(resimulator):
    """The model's layers under every hypothesis that the board can run."""
    tried = [*hypotheses("rt1170", resimulator.base), at_clock("rt1170", 498_000_000)]
    found = {}
    for hypothesis in tried:
        with suppress(ModelError):  # the activations do not fit DTCM
            found[hypothesis.name] = resimulator.run(hypothesis)
    return found


def _noisy(times, seed, scale=1.0):
    chance = random.Random(seed)
    return {name: scale * value * math.exp(chance.gauss(0, NOISE)) for name, value in times.items()}


def _verdict(model, runs, times, unit=Unit.CYCLES):
    """What a table with these times of layers speaks for."""
    lines = tuple(Line(name, "", value) for name, value in times.items())
    table = LayerTable("table", unit, lines)
    alignment = align(table, layers_of(model[0].graph))
    modelled = {name: layer_times(row, unit) for name, row in runs.items()}
    if unit is Unit.CYCLES:
        del modelled["core clock of 498 MHz"]
    return judge_table(alignment, modelled, table)


# --- the right cause is named ----------------------------------------------------------------


@pytest.mark.slow
class TestCauses:
    """Tables made by the virtual board under one hypothesis, with 3 % of noise on each layer."""

    @pytest.mark.parametrize("seed", [1, 2, 3])
    @pytest.mark.parametrize(
        "cause",
        [
            "data cache off",
            "reference kernels",
            "activations in sdram",
            "flash at half its bus clock",
            SAME,
        ],
    )
    def test_the_cause_is_named(self, model, runs, cause, seed):
        """Of all that were tried, the one that it was."""
        times = _noisy(layer_times(runs[cause], Unit.CYCLES), seed)

        assert _verdict(model, runs, times).cause == cause

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_every_other_cause_is_among_those_named(self, model, runs, seed):
        """A small difference is named together with what cannot be told apart from it."""
        for cause, row in runs.items():
            if cause.startswith("core clock"):
                continue
            verdict = _verdict(model, runs, _noisy(layer_times(row, Unit.CYCLES), seed))
            assert cause in (verdict.cause, *verdict.alike), cause

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_another_clock_is_told_by_times(self, model, runs, seed):
        """Memories keep their clock, so a core of half the clock is not twice as slow."""
        clock = "core clock of 498 MHz"
        times = _noisy(layer_times(runs[clock], Unit.MICROSECONDS), seed)

        assert _verdict(model, runs, times, Unit.MICROSECONDS).cause == clock

    def test_ticks_of_another_rate_are_one_factor(self, model, runs):
        """Cycles that are all a third are ticks of something slower."""
        times = _noisy(layer_times(runs[SAME], Unit.CYCLES), 4, scale=1 / 3)

        verdict = _verdict(model, runs, times)

        assert verdict.cause == SCALED
        assert verdict.of(SCALED).scale == pytest.approx(1 / 3, rel=0.05)

    @pytest.mark.parametrize("seed", range(5))
    def test_none_explains_chance(self, model, runs, seed):
        """Layers that are each off by another factor have no one cause."""
        chance = random.Random(seed)
        times = layer_times(runs[SAME], Unit.CYCLES)
        odd = {name: value * chance.choice((0.4, 1.0, 2.5)) for name, value in times.items()}

        verdict = _verdict(model, runs, odd)

        assert verdict.cause == ""
        assert verdict.best.off_percent > 15

    def test_a_table_is_explained_from_file_to_sentence(self, resimulator, runs, tmp_path):
        """CSV with layers' names."""
        path = tmp_path / "mine.csv"
        rows = runs["reference kernels"].operators
        text = "".join(f"{layer.name},{layer.cycles}\n" for layer in rows)
        path.write_text("layer,cycles\n" + text, encoding="utf-8")

        found = explain(path, resimulator)

        assert found.verdict.cause == "reference kernels"
        assert found.aligned_by == "name"
        assert {layer.label for layer in found.layers} == {layer.name for layer in rows}
        assert all(layer.explained == pytest.approx(layer.measured) for layer in found.layers)

    def test_half_the_clock_is_found_from_the_file_alone(self, resimulator, runs, tmp_path):
        """The clock to try comes out of the table."""
        path = tmp_path / "mine.csv"
        times = layer_times(runs["core clock of 498 MHz"], Unit.MICROSECONDS)
        path.write_text(
            "name,latency_us\n" + "".join(f"{name},{value}\n" for name, value in times.items()),
            encoding="utf-8",
        )

        found = explain(path, resimulator)

        assert found.verdict.cause.startswith("core clock of ")
        assert found.sentence.startswith("the likeliest cause: core clock of ")

    def test_what_tflm_logs_is_explained_by_the_command(self, tmp_path):
        """Events of a TFLite file, with the QUANTIZE and DEQUANTIZE that the caller does here."""
        model_path, table = tmp_path / "small.tflite", tmp_path / "log.txt"
        model_path.write_bytes(small_network())
        resimulator = Resimulator(resolve_model(str(model_path)), Setup())
        row = resimulator.run(hypotheses("rt1170", Setup())[0])
        table.write_text(_tflm_log(row), encoding="utf-8")

        result = CliRunner().invoke(
            main, ["explain", str(table), "--model", str(model_path), "--json"]
        )

        found = json.loads(result.stdout)
        assert found["aligned_by"] == "position"
        assert found["cause"] == SAME
        assert found["sentence"].startswith("nothing to explain: as modelled")
        assert set(found["left_out"]) == {"QUANTIZE_0", "DEQUANTIZE_15"}


def _tflm_log(row):
    """What TFLM's profiler would print of these cycles, amid a console's other lines."""
    ticks = {}
    for layer in row.operators:
        tag, _, position = layer.name.partition("/")[0].rpartition("_")
        ticks[int(position), tag] = ticks.get((int(position), tag), 0) + layer.cycles
    ticks |= {(0, "QUANTIZE"): 11, (12, "RESHAPE"): 1, (15, "DEQUANTIZE"): 5}
    events = "".join(f"{i},{tag},{ticks}\r\n" for (i, tag), ticks in sorted(ticks.items()))
    return f'boot ok\r\n"Event","Tag","Ticks"\r\n{events}score: 3\r\n'


# --- forms of tables -------------------------------------------------------------------------


def _read(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return read_layer_table(path)


@pytest.mark.parametrize(
    "text",
    [
        EVENTS,
        WITH_MS,
        PADDED,
        LOGGED,
        "op,cycles\nCONV_2D,100\nDEPTHWISE_CONV_2D,200\nSOFTMAX,7\n",
        "\ufeffTicks,Tag\n100,CONV_2D\n200,DEPTHWISE_CONV_2D\n7,SOFTMAX\n",
    ],
)
def test_each_form_is_read(tmp_path, text):
    """The same three layers from what TFLM and its ports print, and from plain columns."""
    table = _read(tmp_path, text)

    assert [(line.tag, line.value) for line in table.lines] == [
        ("CONV_2D", 100), ("DEPTHWISE_CONV_2D", 200), ("SOFTMAX", 7),
    ]  # fmt: skip
    assert table.unit is Unit.CYCLES


def test_totals_by_tag_are_read_as_such(tmp_path):
    """The total of all ticks is no operator."""
    table = _read(
        tmp_path,
        '"Unique Tag","Total ticks across all events with that tag."\n'
        "CONV_2D, 300\nSOFTMAX, 7\ntotal number of ticks, 307\n",
    )

    assert table.is_total
    assert [(line.tag, line.value) for line in table.lines] == [("CONV_2D", 300), ("SOFTMAX", 7)]


def test_milliseconds_become_microseconds(tmp_path):
    """One unit of time behind the reader."""
    table = _read(tmp_path, "name,latency_ms\nconv,1.5\n")

    assert (table.unit, table.lines[0].value) == (Unit.MICROSECONDS, 1500.0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is what TFLM's profiler prints"),
        ("hello\nworld\n", "starts with 'hello'"),
        ("op,MACs\nconv,3\n", "a column name or op and one of cycles"),
        ("op,cycles\nconv,fast\n", "has 'fast'; correct it"),
        ("op,cycles\nconv,-3\n", "has '-3'"),
        ("op,cycles\nconv,1e999\n", "has '1e999'"),
        ("op,cycles\nconv,3,4\n", "as many cells as its header"),
        ('op,cycles\n"conv,3\n', "comma-separated text"),
        ("op,cycles\nconv\x1b[2J,3\n", "names in a table print"),
        ("op,cycles\nconv,0\n", "some of them with a time"),
        ("op,cycles\n", "some of them with a time"),
    ],
)
def test_a_bad_table_is_one_sentence(tmp_path, text, sentence):
    """Rule, what it has, way out."""
    with pytest.raises(StoreError, match=sentence):
        _read(tmp_path, text)


def test_a_table_that_is_no_text_is_refused(tmp_path):
    """A picture is no table."""
    path = tmp_path / "table.csv"
    path.write_bytes(b"\x89PNG\xff")

    with pytest.raises(StoreError, match="UTF-8"):
        read_layer_table(path)


@pytest.mark.parametrize("filler", [" ", "A", "0,A "])
def test_a_long_line_takes_no_long_time(tmp_path, filler):
    """Megabytes in one line are passed over, not tried at every start."""
    long = filler * ((2 << 20) // len(filler))

    table = _read(tmp_path, f"{EVENTS}{long}\n")

    assert len(table.lines) == 3


def test_layers_that_run_no_code_tell_nothing(model, runs):
    """Three timed layers are the least."""
    table = LayerTable("table.csv", Unit.CYCLES, (Line("dw/dw", "", 5.0),))
    pairs = Alignment("name", (Pair("dw/dw", ("dw/dw",), 5.0),), ())

    with pytest.raises(StoreError, match=r"table\.csv has 1 of this model"):
        _check_timed(table, pairs, layer_times(runs[SAME], Unit.CYCLES))


# --- alignment -------------------------------------------------------------------------------


def test_repeated_inferences_are_one(model):
    """Their median stands for each layer."""
    tags = ["DEPTHWISE_CONV_2D", "CONV_2D", "MAX_POOL_2D", "CONV_2D", "CONV_2D", "CONV_2D",
            "MEAN", "FULLY_CONNECTED"]  # fmt: skip
    lines = tuple(Line("", tag, 100.0 * i + run) for run in (1, 2, 9) for i, tag in enumerate(tags))
    table = LayerTable("log", Unit.CYCLES, lines, in_order=True)

    found = align(table, layers_of(model[0].graph))

    assert found.how == "order"
    assert [pair.measured for pair in found.pairs] == [100.0 * i + 2 for i in range(8)]


def test_totals_are_aligned_by_kind(model):
    """All convolutions of a kind together."""
    lines = (Line("", "CONV_2D", 9e5), Line("", "DEPTHWISE_CONV_2D", 3e5), Line("", "MEAN", 1e4))
    table = LayerTable("log", Unit.CYCLES, lines, is_total=True)

    found = align(table, layers_of(model[0].graph))

    assert found.how == "kind"
    assert [len(pair.layers) for pair in found.pairs] == [4, 1, 1]


@pytest.mark.parametrize("column", ["name", "op"])
def test_a_table_of_another_model_is_refused(model, column):
    """Lines whose layers the model does not have are named."""
    lines = tuple(
        Line(f"x{i}" * (column == "name"), "LSTM" * (column == "op"), 5.0) for i in range(9)
    )

    with pytest.raises(StoreError, match="pass the --model that was measured"):
        align(LayerTable("table.csv", Unit.CYCLES, lines), layers_of(model[0].graph))


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("CONV_2D", "conv"), ("conv2d", "conv"), ("Conv", "conv"),
        ("DEPTHWISE_CONV_2D", "depthwise"),
        ("FULLY_CONNECTED", "dense"), ("Gemm", "dense"), ("RELU6", "table"), ("PADV2", "pad"),
        ("ETHOSU", "ethosu"),
    ],
)  # fmt: skip
def test_operators_are_known_by_their_names(tag, kind):
    """TFLite's, ONNX's, and hwprof's own."""
    assert kind_of(tag) == kind


# --- judging ---------------------------------------------------------------------------------


def _judgement(name, off_percent):
    return replace(judge(name, _pairs(), {"a": 1.0, "b": 1.0}), off_percent=off_percent)


def _pairs():
    return [Pair("a", ("a",), 2.0), Pair("b", ("b",), 2.0), Pair("free", ("a",), 0.0)]


def test_bias_and_spread_are_told_apart():
    """All twice as slow is a bias of 100 % without spread; layers of no time are left out."""
    found = judge("x", _pairs(), {"a": 1.0, "b": 1.0})

    assert found.bias_percent == pytest.approx(100)
    assert found.spread_percent == pytest.approx(0)
    assert found.off_percent == pytest.approx(100)


def test_one_free_factor_takes_the_bias_away():
    """What is left is the spread."""
    found = judge("x", _pairs(), {"a": 1.0, "b": 1.0}, scaled=True)

    assert (found.scale, found.off_percent) == (pytest.approx(2), pytest.approx(0))


@pytest.mark.parametrize(
    ("offs", "cause", "alike"),
    [
        ({SAME: 40, "a": 3, "b": 30}, "a", ()),
        ({SAME: 40, "a": 3.5, "b": 3}, "a", ("b",)),
        ({SAME: 3.5, "a": 3}, SAME, ("a",)),
        ({SAME: 40, "a": 16}, "", ()),
        ({SAME: 20, "a": 14.5}, "", ()),
        ({SAME: 14, "a": 10}, SAME, ("a",)),
    ],
)
def test_the_simplest_of_the_best_is_named(offs, cause, alike):
    """And none where it is far off, or hardly better than nothing."""
    verdict = decide([_judgement(name, off) for name, off in offs.items()])

    assert (verdict.cause, verdict.alike) == (cause, alike)


# --- hypotheses ------------------------------------------------------------------------------


def test_every_shipped_board_has_hypotheses():
    """Names are distinct, the unchanged board is the first."""
    for board in ("rt1170", "rt1060", "stm32h743", "stm32f746", "stm32f767"):
        names = [h.name for h in hypotheses(board, Setup(f"virtual:{board}"))]
        assert names[0] == SAME
        assert len(set(names)) == len(names) > 5


def test_a_line_to_silicon_is_refused(model):
    """Causes are tried on a virtual board."""
    setup = Setup("serial:/dev/ttyACM0")

    with pytest.raises(ConfigurationError, match="causes are tried on a virtual board"):
        _ = Resimulator(model[0], setup).reference


def test_a_missing_table_ends_with_exit_code_2():
    """One sentence."""
    result = CliRunner().invoke(main, ["explain", "none.csv", "--model", "mlperf-tiny-kws"])

    assert result.exit_code == 2
    assert "a table of layers is read from a file" in result.output
