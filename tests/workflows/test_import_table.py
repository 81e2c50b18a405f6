"""A table of anybody's measurements becomes rows of the store: right, all or none, and once."""

from __future__ import annotations

import pytest

from hwprof.errors import ConfigurationError, StoreError
from hwprof.measurement import Placement
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.features import block_features
from hwprof.surrogates.fit import FitOptions, fit
from hwprof.surrogates.keys import parse_key
from hwprof.workflows.fit_workspace import fit_workspace
from hwprof.workflows.tables import COLUMNS, TableDefaults, import_table
from hwprof.workflows.tables._table import MAX_BYTES
from hwprof.workspace import Workspace

BOARD = TableDefaults(target="my-board", clock_hz=480_000_000)
CONV = "conv2d,32,32,8,16,3,1,same"
HEADER = "op,input_h,input_w,input_c,out_channels,kernel,stride,padding,cycles"


@pytest.fixture
def workspace(tmp_path):
    """An empty workspace."""
    return Workspace(tmp_path / "work")


@pytest.fixture
def write(tmp_path):
    """Writes a table of lines and returns its path."""

    def write(*lines: str, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes("\n".join(lines).encode(encoding))
        return path

    return write


def stored(workspace):
    """What the store holds."""
    with MeasurementStore(workspace.store) as store:
        return store.frame()


def test_an_operator_is_named_by_its_columns(write, workspace):
    """Shape, kernel, stride and padding make the block that a model with that layer has."""
    import_table(write(HEADER, f"{CONV},600000"), workspace, BOARD)
    (row,) = stored(workspace).itertuples()

    config = parse_key(row.block_key)
    assert config.inputs == ((32, 32, 8),)
    assert (config.values["pad_top"], config.values["pad_bottom"]) == (1, 1)
    assert (row.board, row.kind, row.timing_model) == ("my-board", "measured", "silicon")
    assert (row.cycles, row.macs, row.clock_hz) == (600_000, 32 * 32 * 16 * 72, 480_000_000)


@pytest.mark.parametrize(
    ("line", "block"),
    [
        ("CONV_2D,32,32,8,16,1,1,valid", "pwconv"),
        ("Conv,33,32,8,16,3,2,same", "conv"),
        ("DEPTHWISE_CONV_2D,32,32,8,,3,1,1", "dwconv"),
        ("FULLY_CONNECTED,1,1,64,10,,,", "fc"),
        ("MaxPool2D,32,32,8,,2,2,", "pool"),
        ("AVERAGE_POOL_2D,8,8,8,,8,,valid", "pool"),
        ("Mean,8,8,8,,,,", "pool"),
        ("Add,8,8,8,,,,", "elementwise"),
        ("mul,8,8,8,,,,", "elementwise"),
        ("sub,8,8,8,,,,", "elementwise"),
        ("SOFTMAX,1,1,10,,,,", "elementwise"),
        ("LOGISTIC,1,1,10,,,,", "elementwise"),
        ("QUANTIZE,8,8,8,,,,", "elementwise"),
    ],
)
def test_operators_are_known_by_the_names_of_profilers(write, workspace, line, block):
    """TFLite's, ONNX's and plain names mean the same operators."""
    report = import_table(write(HEADER, f"{line},1000"), workspace, BOARD)
    assert report.blocks == {block: 1}


def test_same_padding_is_that_of_tflite(write, workspace):
    """At stride 2 an even input is padded behind alone: ceil(size / stride) outputs."""
    import_table(write(HEADER, "conv2d,32,33,8,16,3,2,same,1000"), workspace, BOARD)
    values = parse_key(stored(workspace).block_key[0]).values

    pads = [values[f"pad_{side}"] for side in ("top", "left", "bottom", "right")]
    assert pads == [0, 1, 1, 1]


@pytest.mark.parametrize(("column", "value"), [("latency_us", "1250"), ("latency_ms", "1.25")])
def test_times_become_cycles_at_the_clock(write, workspace, column, value):
    """1250 microseconds at 480 MHz are 600,000 cycles."""
    header = HEADER.replace("cycles", column)
    import_table(write(header, f"{CONV},{value}"), workspace, BOARD)
    assert stored(workspace).cycles.tolist() == [600_000]


def test_repeats_become_their_median_and_spread(write, workspace):
    """Three runs of one block are one row of three repeats."""
    lines = [f"{CONV},{cycles}" for cycles in (600, 640, 610)]
    report = import_table(write(HEADER, *lines), workspace, BOARD)
    (row,) = stored(workspace).itertuples()

    assert (row.cycles, row.spread_cycles, row.repeats) == (610, 40, 3)
    assert (report.lines, report.stored.added) == (3, 1)


def test_a_table_imported_twice_leaves_its_rows_once(write, workspace):
    """The second import finds every row there."""
    path = write(HEADER, f"{CONV},600", "add,8,8,8,,,,,90")
    first, second = (import_table(path, workspace, BOARD) for _ in range(2))

    assert (first.stored.added, second.stored.added, second.stored.unchanged) == (2, 0, 2)
    assert len(stored(workspace)) == 2


def test_a_corrected_table_replaces_its_rows(write, workspace):
    """A later import of the same block stands."""
    import_table(write(HEADER, f"{CONV},600"), workspace, BOARD)
    report = import_table(write(HEADER, f"{CONV},700"), workspace, BOARD)

    assert report.stored.replaced == 1
    assert stored(workspace).cycles.tolist() == [700]


def test_unknown_columns_are_kept(write, workspace):
    """What hwprof does not know of a row is stored beside it, for each repeat."""
    path = write(f"{HEADER},tag,Note", f"{CONV},600,a,", f'{CONV},610,b,"x, y"')
    report = import_table(path, workspace, BOARD)
    with MeasurementStore(workspace.store) as store:
        extras = store.extras()

    assert report.extra_columns == ("note", "tag")
    kept = extras[["repeat", "name", "value"]].to_numpy().tolist()
    assert kept == [[0, "tag", "a"], [1, "note", "x, y"], [1, "tag", "b"]]


def test_context_from_columns(write, workspace):
    """Columns say what options could."""
    context = "target,board,clock_hz,kernels,scheme,activations_memory,cache_state"
    values = "link-7,nucleo,216000000,cmsis-nn,per-tensor,sram1,warm"
    import_table(write(f"{HEADER},{context}", f"{CONV},600,{values}"), workspace, TableDefaults())
    (row,) = stored(workspace).itertuples()

    assert (row.target, row.board, row.clock_hz) == ("link-7", "nucleo", 216_000_000)
    assert (row.kernels, row.scheme, row.cache_state) == ("cmsis-nn", "per-tensor", "warm")
    assert (row.activations_memory, row.weights_memory) == ("sram1", "")


def test_what_is_no_block_is_left_out_and_counted(write, workspace):
    """Rows of whole networks and of failed runs are no data points of blocks."""
    path = write(
        "block_type,block_key,cycles,error",
        "network,micronet-kws-s,5000,",
        'fc,"fc(activation=none,out_features=10)[1x1x64]",0,checksum differs',
        'fc,"fc(activation=none,out_features=10)[1x1x64]",900,',
    )
    report = import_table(path, workspace, BOARD)
    assert report.left_out == {"whole network": 1, "error row": 1}
    assert report.blocks == {"fc": 1}


def test_an_exported_store_is_imported_whole(write, workspace, tmp_path):
    """A store's own CSV brings equal rows into another workspace."""
    import_table(write(HEADER, f"{CONV},600", "add,8,8,8,,,,,90"), workspace, BOARD)
    before = stored(workspace)
    path = tmp_path / "export.csv"
    before.to_csv(path, index=False)
    other = Workspace(tmp_path / "other")
    import_table(path, other, TableDefaults())

    assert stored(other).equals(before)


MODELLED = "exact-3,modelled"
BAD = {
    "missing block column": (["cycles", "5"], "block_key or op is missing"),
    "missing time column": (["op,input_h", "add,8"], "cycles or latency_us or latency_ms"),
    "semicolons": (["op;cycles", "add;5"], "comma-separated columns"),
    "header only": ([HEADER], "no lines behind its header"),
    "nothing": ([""], "block_key or op"),
    "column twice": ([f"{HEADER},op", ""], "'op' more than once"),
    "short line": ([HEADER, "add,8,8"], "a cell for each of 9 columns; line 2 of table.csv has 3"),
    "negative time": ([HEADER, f"{CONV},-5"], "line 2 of table.csv has cycles '-5'"),
    "zero time": ([HEADER, f"{CONV},0"], "a time is positive, a cycle or more; line 2"),
    "no number": ([HEADER, f"{CONV},fast"], "has cycles 'fast'"),
    "not a number": ([HEADER, f"{CONV},nan"], "has cycles 'nan'"),
    "no time": ([HEADER, f"{CONV},"], "a row has a time in cycles, latency_us, latency_ms"),
    "mixed units": (
        [f"{HEADER},latency_us", f"{CONV},600000,1250", "add,8,8,8,,,,,480000,480"],
        "cycles 480000 and latency_us 480",
    ),
    "repeats apart": (
        [HEADER, f"{CONV},600", f"{CONV},60000"],
        "within a factor of 1.5, and line 2",
    ),
    "another board": (
        [f"{HEADER},board", f"{CONV},6,a", f"{CONV},6,b"],
        "here board a as in line 2",
    ),
    "another target": ([f"{HEADER},target", f"{CONV},6,theirs"], "rows of no other; line 2"),
    "unknown operator": ([HEADER, "lstm,8,8,8,,,,,5"], "op 'lstm'"),
    "missing kernel": ([HEADER, "conv2d,8,8,8,8,,,,5"], "needs the column kernel_h or kernel"),
    "bad padding": ([HEADER, "conv2d,8,8,8,8,3,1,half,5"], "has padding 'half'"),
    "half a pixel": ([HEADER, "conv2d,8.5,8,8,8,3,1,1,5"], "column input_h holds whole numbers"),
    "kernel too large": ([HEADER, "conv2d,2,2,8,8,3,1,valid,5"], "a window of 3 does not fit"),
    "bad activation": ([f"{HEADER},activation", f"{CONV},5,gelu"], "activation 'gelu'"),
    "no block": (["op,block_key,cycles", ",,5"], "by block_key or by op"),
    "bad key": (["block_key,cycles", "conv(3),5"], "a block key is type(name=value,...)"),
    "unknown type": (["block_key,cycles", "comv(a=1)[8x8x8],5"], "unknown block type 'comv'"),
    "other type": ([f"{HEADER},block_type", f"{CONV},5,fc"], "has block_type 'fc'"),
    "bad hash": ([f"{HEADER},code_sha256", f"{CONV},5,abc"], "64 hexadecimal digits"),
    "bad word": ([f"{HEADER},kernels", f"{CONV},5,a b"], "has kernels 'a b'"),
    "bad state": ([f"{HEADER},cache_state", f"{CONV},5,tepid"], "cold, warm or none"),
    "ours": ([f"{HEADER},timing_model,kind", f"{CONV},5,{MODELLED}"], "have a code_sha256"),
    "kinds": ([f"{HEADER},timing_model,kind", f"{CONV},5,gem5,measured"], "kind 'measured'"),
    "nobody's model": ([f"{HEADER},kind", f"{CONV},5,modelled"], "kind 'modelled'"),
    "bad clock": ([f"{HEADER},clock_hz", f"{CONV},5,480"], "rows of no other"),
    "quote": ([HEADER, f'"{CONV},5'], "comma-separated text as RFC 4180"),
    "long cell": ([f"{HEADER},note", f"{CONV},5,{'x' * 2000}"], "at most 1000 characters"),
    "networks only": (["block_type,block_key,cycles", "network,x,5"], "none is (1 whole network)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_and_nothing_is_stored(write, workspace, case):
    """One sentence, and the rows of before stand."""
    import_table(write(HEADER, "add,8,8,8,,,,,90"), workspace, BOARD)
    before = stored(workspace)
    lines, sentence = BAD[case]

    with pytest.raises(StoreError) as refusal:
        import_table(write(*lines), workspace, BOARD)

    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert stored(workspace).equals(before)


def test_a_row_without_clock_or_board_is_refused(write, workspace):
    """Cycles without a clock are no time, and a number without a board is nobody's."""
    path = write(HEADER, f"{CONV},600")
    with pytest.raises(StoreError, match="pass --clock-hz"):
        import_table(path, workspace, TableDefaults(target="my-board"))
    with pytest.raises(StoreError, match="no target and no board"):
        import_table(path, workspace, TableDefaults(clock_hz=480_000_000))
    assert not workspace.store.exists()


def test_other_encodings_are_refused_by_line(write, workspace):
    """The line of the first byte that is no UTF-8 is named."""
    path = write(HEADER, f"{CONV},600", "für", encoding="latin-1")
    with pytest.raises(StoreError, match=r"UTF-8 text; line 3 of table.csv has byte 0xfc"):
        import_table(path, workspace, BOARD)


def test_a_byte_order_mark_is_no_part_of_the_first_column(write, workspace):
    """What spreadsheets write in front of UTF-8 is passed over."""
    report = import_table(write(HEADER, f"{CONV},600", encoding="utf-8-sig"), workspace, BOARD)
    assert report.lines == 1


def test_huge_and_missing_files_are_refused(workspace, tmp_path):
    """A file beyond the bound is not read to its end."""
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(StoreError, match=r"at most 64 MiB; huge.csv is larger"):
        import_table(path, workspace, BOARD)
    with pytest.raises(StoreError, match="No such file"):
        import_table(tmp_path / "absent.csv", workspace, BOARD)


def test_every_column_has_one_meaning():
    """No column is listed twice."""
    names = [column.name for column in COLUMNS]
    assert len(names) == len(set(names))


def pointwise_table(count, slope=3.0):
    """Lines of 1x1 convolutions whose cycles are in proportion to their MACs, nearly."""
    shapes = [(4 + i % 7, 5 + i % 5, 8 + 4 * (i % 9), 8 + 4 * (i % 11)) for i in range(count)]
    for h, w, c_in, c_out in dict.fromkeys(shapes):
        cycles = 500 + h * w * c_out * (20 + slope * c_in)
        yield f"conv2d,{h},{w},{c_in},{c_out},1,1,valid,{cycles:.0f}"


def test_fit_works_on_a_board_that_nobody_knows(write, workspace):
    """Rows of an imported board are fitted, saved, and answer for the board's name."""
    from hwprof.profiler.bench import Setup
    from hwprof.surrogates.predict import predict_latency

    import_table(write(HEADER, *pointwise_table(60)), workspace, BOARD)
    fitted, _ = fit_workspace(workspace, Setup("my-board"), workers=1)
    predicted = predict_latency("micronet-kws-s", target="my-board", workspace=workspace)

    assert fitted.report.types[0].scores.mape_percent < 3
    assert (predicted.context.board, predicted.context.kind) == ("my-board", "measured")


def test_one_line_forty_times_off_moves_no_other(write, workspace, tmp_path):
    """A table with a wild line predicts as the table without it, within 1 %, and names the line."""
    from hwprof.profiler.bench import Setup

    lines = list(pointwise_table(60))
    *rest, cycles = lines[7].split(",")
    wild = [*lines[:7], ",".join([*rest, str(40 * int(cycles))]), *lines[8:]]
    calm, after = Workspace(tmp_path / "calm"), workspace
    import_table(write(HEADER, *lines[:7], *lines[8:]), calm, BOARD)
    import_table(write(HEADER, *wild), after, BOARD)
    configs = [parse_key(key) for key in stored(calm).block_key]
    counts = block_features(configs).X
    without, with_it = (
        fit_workspace(one, Setup("my-board"), workers=1)[0] for one in (calm, after)
    )
    expected, predicted = (
        one.artefact.types["pwconv"].regressor.predict(counts) for one in (without, with_it)
    )

    assert predicted == pytest.approx(expected, rel=0.01)
    assert len(with_it.report.outliers) == 1
    assert not without.report.outliers


def test_boards_are_told_apart_by_name(write, workspace):
    """Two imported boards in one workspace: each answers for itself, none for a third."""
    from hwprof.errors import ArtefactError
    from hwprof.profiler.bench import Setup
    from hwprof.surrogates.predict import predict_latency

    slow = TableDefaults(target="slow-board", clock_hz=100_000_000, kernels="theirs")
    import_table(write(HEADER, *pointwise_table(60)), workspace, BOARD)
    import_table(write(HEADER, *pointwise_table(60, slope=9)), workspace, slow)
    for setup in (Setup("my-board"), Setup("slow-board")):
        fit_workspace(workspace, setup, workers=1)
    fast_us, slow_us = (
        predict_latency(
            "micronet-kws-s", target=target, kernels=kernels, workspace=workspace
        ).latency_us
        for target, kernels in (("my-board", "simd"), ("slow-board", "theirs"))
    )

    assert slow_us > 8 * fast_us
    with pytest.raises(ArtefactError, match=r"run 'hwprof import TABLE.csv'"):
        predict_latency("micronet-kws-s", target="third-board", workspace=workspace)
    with pytest.raises(StoreError, match="the store has rows of: my-board, slow-board"):
        fit_workspace(workspace, Setup("third-board"), workers=1)


def test_rows_of_several_contexts_are_told_apart_by_the_options(write, workspace):
    """A store without samples is fitted in the context that the options name."""
    from hwprof.firmware_stub.stamp import code_sha256
    from hwprof.profiler.bench import Setup

    board = f",rt1170,{code_sha256('rt1170', 'simd')}"
    for scheme, slope in (("tflite", 5), ("asymmetric/per-tensor", 9)):
        defaults = TableDefaults(
            target="virtual:rt1170",
            clock_hz=996_000_000,
            scheme=scheme,
            placement=Placement(),
            cache_state="cold",
            timing_model="exact-3",
        )
        lines = (line + board for line in pointwise_table(60, slope=slope))
        import_table(write(f"{HEADER},board,code_sha256", *lines), workspace, defaults)

    with pytest.raises(ConfigurationError, match="by the options of 'hwprof fit'"):
        fit(stored(workspace), FitOptions())
    for scheme in ("tflite", "asymmetric/per-tensor"):
        fitted, _ = fit_workspace(workspace, Setup(scheme=scheme), workers=1)
        assert fitted.artefact.context.scheme == scheme


def test_too_few_rows_say_how_many_are_needed(write, workspace):
    """Five rows of a block type are no surrogate."""
    import_table(write(HEADER, *list(pointwise_table(60))[:5]), workspace, BOARD)
    with pytest.raises(StoreError, match=r"at least 20 measured rows .* got 5 of pwconv"):
        fit(stored(workspace), FitOptions())


def test_numbers_of_a_foreign_model_are_modelled(write, workspace):
    """A simulator's table names its model, and needs no board file of hwprof's."""
    from hwprof.profiler.bench import Setup

    gem5 = TableDefaults(
        target="sim-board",
        clock_hz=480_000_000,
        timing_model="gem5-23",
        placement=Placement("sram", "flash", "sram", "flash"),
        cache_state="warm",
    )
    import_table(write(HEADER, *pointwise_table(60)), workspace, gem5)
    fitted, _ = fit_workspace(workspace, Setup("sim-board"), workers=1)

    assert fitted.artefact.context.kind == "modelled"
    assert fitted.artefact.context.placement.weights == "flash"
