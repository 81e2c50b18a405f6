"""Keys of the metadata that our ONNX files carry beside the standard's content."""

from __future__ import annotations

PRODUCER = "hwprof"

# Seed of the graph. Its presence also says that we wrote the file, so an ONNX node whose name is
# its output tensor's ends a node of ours and keeps its name; every other is a part of one.
SEED = "hwprof.seed"

# JSON of the Architecture (hwprof.architecture); not interpreted here.
ARCHITECTURE = "hwprof.architecture"

# "prefix": a node's block is its name up to the last "/". Implied by ARCHITECTURE.
BLOCKS = "hwprof.blocks"
BLOCKS_ARE_PREFIXES = "prefix"


def block_of(name: str) -> str:
    """Name of the block that a node of one of our files belongs to."""
    block, slash, _ = name.rpartition("/")
    return block if slash else name
