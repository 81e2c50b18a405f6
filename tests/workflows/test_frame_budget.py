"""``frame_budget``: a network's latency among the parts of a frame."""

from __future__ import annotations

import pytest

from hwprof.errors import ConfigurationError, ModelError, UnknownNameError
from hwprof.firmware_stub.targets import describe_virtual
from hwprof.profiler.bench import Setup
from hwprof.workflows import frame_budget as module
from hwprof.workflows.camera import Camera
from hwprof.workflows.frame_budget import NETWORK_PART, FrameSetup, frame_budget
from hwprof.workflows.profiled_frame import FrameOptions, profiled_frame

SMALL = (32, 64)  # two rows of four cells
CAMERA = Camera(96, 64)


def setup(**values):
    """A frame small enough for a test."""
    return FrameSetup(**{"camera": CAMERA, "boxes": 3} | values)


class TestBudget:
    """Parts, totals and what they say of themselves."""

    def test_parts_are_those_of_a_frame_in_the_order_of_the_work(self):
        """All modelled but the network, which is what the caller says."""
        budget = frame_budget(1000.0, SMALL, setup=setup(), kind="predicted")

        kinds = {part.name: part.kind for part in budget.parts}
        assert list(kinds) == ["resize", "quantise", "network", "decode", "NMS"]
        assert {name for name, kind in kinds.items() if kind == "predicted"} == {NETWORK_PART}
        assert (budget.boxes, budget.most_boxes, budget.network_us) == (3, 8, 1000.0)

    def test_total_is_the_sum_and_gives_the_frames_per_second(self):
        """Nothing is hidden between the parts; the worst picture takes no less."""
        budget = frame_budget(1000.0, SMALL, setup=setup())

        assert budget.total_us == pytest.approx(sum(part.latency_us for part in budget.parts))
        assert budget.frames_per_second * budget.total_us == pytest.approx(1e6)
        assert budget.worst_total_us >= budget.total_us > 1000.0
        assert budget.worst_frames_per_second <= budget.frames_per_second

    def test_fused_frame_has_one_pass_over_its_pixels(self):
        """Quantising on the way is no part of its own, and costs less than a pass."""
        apart = frame_budget(1000.0, SMALL, setup=setup())
        fused = frame_budget(1000.0, SMALL, setup=setup(is_fused=True))

        names = [part.name for part in fused.parts]
        assert names == ["resize and quantise", "network", "decode", "NMS"]
        assert fused.parts[0].latency_us < sum(part.latency_us for part in apart.parts[:2])

    def test_a_larger_picture_takes_longer(self):
        """Rows of a camera that are not needed are not read, yet more lines are."""
        small = frame_budget(1000.0, SMALL, setup=setup())
        large = frame_budget(1000.0, SMALL, setup=setup(camera=Camera(384, 256)))

        assert large.parts[0].latency_us > small.parts[0].latency_us

    def test_sixteen_bits_a_pixel_are_a_frame_too(self):
        """Two bytes for three, and the part says so."""
        camera = Camera(96, 64, "rgb565")

        budget = frame_budget(1.0, SMALL, setup=setup(camera=camera))

        assert camera.size_bytes == CAMERA.size_bytes * 2 // 3
        assert budget.parts[0].what.startswith("96 x 64 rgb565 in sdram to 32 x 64")

    def test_equal_frames_are_run_once(self):
        """A search asks for the budget of many networks of one size."""
        frame_budget(1000.0, SMALL, setup=setup())
        before = module._around.cache_info().hits

        frame_budget(2000.0, SMALL, setup=setup())

        assert module._around.cache_info().hits == before + 1

    def test_a_typical_picture_has_candidates_by_its_cells(self):
        """86 of 320 cells unless somebody knows better."""
        budget = frame_budget(1000.0, (64, 128), setup=setup(boxes=None))

        assert (budget.boxes, budget.most_boxes) == (9, 32)

    def test_a_map_without_class_channels_is_decoded(self):
        """With one class its branch may be pruned."""
        budget = frame_budget(1000.0, SMALL, setup=setup(), map_shape=(2, 4, 5))

        assert "2 x 4 x 5 int8" in {part.what for part in budget.parts}

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"boxes": 9}, "a cell gives one box, so that there are 1 to 8; got 9"),
            ({"boxes": 0}, "a cell gives one box, so that there are 1 to 8; got 0"),
            ({"target": "serial:/dev/ttyACM0"}, "run on a virtual board only; got target"),
            (
                {"camera": Camera(640, 480, memory="dtcm")},
                "takes 921,600 bytes and dtcm of rt1170 has 262,144",
            ),
        ],
    )
    def test_what_cannot_be_is_one_sentence(self, values, message):
        """Rule, value, way out."""
        with pytest.raises(ConfigurationError, match=message):
            frame_budget(1000.0, SMALL, setup=setup(**values))

    @pytest.mark.parametrize("network_us", [0.0, -1.0, float("inf"), float("nan")])
    def test_a_network_takes_time(self, network_us):
        """No latency, no frame."""
        with pytest.raises(ConfigurationError, match="a network takes more than 0 us"):
            frame_budget(network_us, SMALL, setup=setup())

    def test_an_input_without_cells_is_refused(self):
        """Sizes are bounded before anything is run."""
        with pytest.raises(ConfigurationError, match="at least 2 x 2 pixels"):
            frame_budget(1.0, (1, 64), setup=setup())


class TestCamera:
    """What is in front of the network."""

    def test_width_comes_first(self):
        """As cameras are sold."""
        camera = Camera.parse("320x240", "rgb565")

        assert (camera.width, camera.height, camera.size_bytes) == (320, 240, 153_600)
        assert str(camera) == "320 x 240 rgb565"

    @pytest.mark.parametrize("text", ["", "640", "640x", "640x480x3", "-1x5", "٣x٣", "9" * 99])
    def test_other_words_are_refused(self, text):
        """The grammar is said."""
        with pytest.raises(ConfigurationError, match="WIDTHxHEIGHT in pixels; got"):
            Camera.parse(text)

    @pytest.mark.parametrize("text", ["1x480", "640x5000"])
    def test_sides_are_bounded(self, text):
        """Two samples at least, for there are two taps."""
        with pytest.raises(ConfigurationError, match="sides are 2 to 4096 pixels; got"):
            Camera.parse(text)

    def test_an_unknown_format_is_named(self):
        """With those that are known."""
        with pytest.raises(UnknownNameError, match="unknown camera format 'yuv422'"):
            Camera(format="yuv422")

    def test_pictures_arrive_in_the_largest_memory(self):
        """SDRAM where the board has some, and what is asked for."""
        board = describe_virtual("rt1170")

        assert Camera().memory_of(board) == "sdram"
        assert Camera(memory="ocram").memory_of(board) == "ocram"
        assert Camera(32, 32).memory_of(describe_virtual("stm32f746")) == "sram"
        with pytest.raises(UnknownNameError, match="unknown memory 'sram'"):
            Camera(memory="sram").memory_of(board)


class TestProfiledFrame:
    """A model measured, then put into its frame."""

    def test_network_is_what_profile_says(self):
        """The whole frame of a small detector, schemes with a zero point of 0 included."""
        budget = profiled_frame(
            "fastestdet:height=32,width=64,c=24,k=3,classes=1",
            Setup(scheme="symmetric/per-tensor"),
            FrameOptions(CAMERA, boxes=2),
        )

        assert budget.size == SMALL
        assert budget.network_us > 0
        assert budget.timing_model.startswith("exact-")

    @pytest.mark.parametrize(
        ("model", "message"),
        [
            ("mobilenet-v1:size=32", "a frame ends with FastestDet's output map"),
            ("person-detector-head", "a frame begins with a picture of 3 channels"),
        ],
    )
    def test_what_is_no_detector_is_refused(self, model, message):
        """Before anything is measured."""
        with pytest.raises(ModelError, match=message):
            profiled_frame(model, Setup(), FrameOptions(CAMERA))
