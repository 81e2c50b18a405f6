"""Caches, buffers and memories of a Cortex-M7 as one state machine over an int64 array.

Times are ticks of 1/16 core cycle. ``access`` and ``fetch`` are called for every load, store and
block in the order of execution and return how long the core waits; the caller's clock is the sum
of its blocks' costs and of the waits so far. ``memory.py`` makes the array from a board's data
file and reads the counters; docs/TIMING.md has the assumptions.

What the core has (Arm DDI 0489F, 5.9 to 5.9.2): lines of 32 bytes; two line-fill buffers that
fetch the requested word first and let the core run on while the rest of the line streams in; a
store buffer of four entries of 64 bits, merging, with which write-allocating misses wait for their
line. Each memory's controller serves one burst at a time; the AXI master itself, 64 bits at the
core's clock, is never the narrowest path and has no time here.

    mem[...]                    clock-free settings and the bookkeeping below
    mem[DCACHE ...] [ICACHE ...]  one row of CACHE_WORDS each
    mem[FILLS ...]              line fills under way: two in service, four held by stores
    mem[ENTRIES ...]            store buffer
    mem[REGIONS ...]            one row of REGION_WORDS for each memory behind the AXI master
    mem[HINTS ...]              tag words of the data cache that were hit last
    mem[BLOCKS ...]             waits and misses of each row of counting.py's table
    tags and stamps of both caches behind that

A cache's tag word is ``line << 2 | through << 1 | dirty``, -1 where nothing is. With
NUMBA_DISABLE_JIT=1 the same functions run as Python.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from typing import Any

from hwprof.firmware_stub.virtual.compiling import compiled

TICKS_PER_CYCLE = 16
LINE_SHIFT = 5
LINE_BYTES = 1 << LINE_SHIFT
WORD_BYTES = 4
CHUNK_SHIFT = 3  # what the AXI master moves in a beat, and what a store buffer entry holds
CHUNK_BYTES = 1 << CHUNK_SHIFT
CHUNKS = LINE_BYTES // CHUNK_BYTES
LINE_FILL_BUFFERS = 2
STORE_ENTRIES = 4
FOREVER = 1 << 62
NOTHING = -1
DIRTY, THROUGH = 1, 2
WHOLE = (1 << CHUNK_BYTES) - 1

# How a region's stores behave, in the order of fewer restrictions.
DEVICE, UNCACHED, WRITE_THROUGH, WRITE_BACK, WRITE_BACK_ALLOCATE = range(5)
PSEUDO_RANDOM, ROUND_ROBIN, LRU = range(3)
SEED = 1  # of the pseudo-random replacement's shift register, at every border between records

(
    ITCM_BASE,
    ITCM_BYTES,
    DTCM_BASE,
    DTCM_BYTES,
    REGION_COUNT,
    LAST_REGION,
    BUSY_UNTIL,  # when the last fill under way is complete: before it a hit may have to wait
    PLAIN_FROM,  # the same, or FOREVER where hits leave a trace or the cache is off
    SEQUENCE,  # age of store buffer entries
    BLOCK,  # the row of counting.py's table that executes now
    UNALIGNED_TICKS,  # what a load takes longer whose address is no multiple of its size
) = range(11)

CACHE_WORDS = 8
ENABLED, SET_MASK, WAYS, TAGS, STAMPS, REPLACEMENT, STATE = range(7)
DCACHE = 16
ICACHE = DCACHE + CACHE_WORDS

FILL_WORDS = 4
LINE, FIRST_AT, FIRST_CHUNK, CHUNK_AT = range(4)  # CHUNK_AT: ticks from one chunk to the next
FILL_ROWS = LINE_FILL_BUFFERS + STORE_ENTRIES
FILLS = ICACHE + CACHE_WORDS
FETCH_FILL = FILLS + FILL_ROWS * FILL_WORDS

ENTRY_WORDS = 4
CHUNK, MASK, FREE_AT, AGE = range(4)  # FREE_AT is FOREVER while an entry still takes bytes
ENTRIES = FETCH_FILL + FILL_WORDS

REGION_WORDS = 24
MAX_REGIONS = 16
(
    BASE,
    BYTES,
    POLICY,
    READ_TICKS,  # from the request to the first beat
    WRITE_TICKS,
    CHUNK_TICKS,
    OVERHEAD_TICKS,  # between core and controller, both ways
    WRAPS,  # whether a burst begins with the word that is asked for
    PREFETCH_BYTES,  # how far a controller reads on by itself, 0 if it does not
    BUS_FREE_AT,
    AHEAD_FROM,  # what a prefetching controller holds or has under way: from, to, and when
    AHEAD_TO,  # the last byte of it arrives
    AHEAD_AT,
    WRITE_LINE,  # the last write burst, which further stores may join until it begins
    WRITE_BEGIN,
    WRITE_END,
    READ_MISSES,
    WRITE_MISSES,
    WRITE_BACKS,
    BUS_WRITES,
    FETCH_MISSES,
    STALL_TICKS,
) = range(22)
REGIONS = ENTRIES + STORE_ENTRIES * ENTRY_WORDS

BLOCK_WORDS = 2
BLOCK_STALL_TICKS, BLOCK_MISSES = range(2)
# Where a line was found last, by its low bits: the tag word is looked at again before it is used.
HINT_WORDS = 64
HINTS = REGIONS + MAX_REGIONS * REGION_WORDS
BLOCKS = HINTS + HINT_WORDS


@compiled
def access(mem: Any, address: int, size_bytes: int, is_store: bool, now: int) -> int:
    """Ticks that the core waits for a load or store of 1 to 8 bytes."""
    # Loads of 8 bytes are pairs of words. Unaligned stores wait in the store buffer.
    if address & (size_bytes - 1) & (WORD_BYTES - 1) and not is_store:
        wait = mem[UNALIGNED_TICKS]
        mem[BLOCKS + mem[BLOCK] * BLOCK_WORDS + BLOCK_STALL_TICKS] += wait
        return wait + _access(mem, address, size_bytes, False, now + wait)
    return _access(mem, address, size_bytes, is_store, now)


@compiled
def _access(mem: Any, address: int, size_bytes: int, is_store: bool, now: int) -> int:
    if 0 <= address - mem[DTCM_BASE] < mem[DTCM_BYTES]:
        return 0
    if 0 <= address - mem[ITCM_BASE] < mem[ITCM_BYTES]:
        return 0
    inside = (address & (LINE_BYTES - 1)) + size_bytes <= LINE_BYTES
    # Most accesses end here: a hit that nothing can delay and that leaves no trace but dirt.
    if inside and now >= mem[PLAIN_FROM]:
        line = address >> LINE_SHIFT
        slot = mem[HINTS + (line & (HINT_WORDS - 1))]
        word = mem[slot]
        if word >> 2 == line and not (is_store and word & THROUGH):
            mem[slot] = word | (is_store * DIRTY)
            return 0
    if inside:
        return _in_line(mem, address, size_bytes, is_store, now)
    here = LINE_BYTES - (address & (LINE_BYTES - 1))
    wait = _in_line(mem, address, here, is_store, now)
    return wait + _in_line(mem, address + here, size_bytes - here, is_store, now + wait)


@compiled
def fetch(mem: Any, address: int, size_bytes: int, now: int) -> int:
    """Ticks that the core waits for the instructions of a block before it can issue them."""
    if 0 <= address - mem[ITCM_BASE] < mem[ITCM_BYTES]:
        return 0
    if 0 <= address - mem[DTCM_BASE] < mem[DTCM_BYTES]:
        return 0
    wait = 0
    last = (address + size_bytes - 1) >> LINE_SHIFT
    for line in range(address >> LINE_SHIFT, last + 1):
        first_chunk, last_chunk = 0, CHUNKS - 1
        if line == address >> LINE_SHIFT:
            first_chunk = (address >> CHUNK_SHIFT) & (CHUNKS - 1)
        if line == last:
            last_chunk = ((address + size_bytes - 1) >> CHUNK_SHIFT) & (CHUNKS - 1)
        wait += _fetch_line(mem, line, first_chunk, last_chunk, now + wait)
    return wait


@compiled
def drain(mem: Any) -> None:
    """Everything under way is done, as behind a DSB; the shift register starts from its seed."""
    mem[BUSY_UNTIL] = 0
    mem[SEQUENCE] = 0
    plain_hits(mem)
    for row in range(FILLS, ENTRIES, FILL_WORDS):
        mem[row + LINE] = NOTHING
        mem[row + FIRST_AT] = 0
        mem[row + FIRST_CHUNK] = 0
        mem[row + CHUNK_AT] = 0
    for row in range(ENTRIES, REGIONS, ENTRY_WORDS):
        mem[row + CHUNK] = NOTHING
        mem[row + FREE_AT] = 0
    for index in range(mem[REGION_COUNT]):
        region = REGIONS + index * REGION_WORDS
        mem[region + BUS_FREE_AT] = 0
        mem[region + AHEAD_FROM] = 0
        mem[region + AHEAD_TO] = 0
        mem[region + AHEAD_AT] = 0
        mem[region + WRITE_LINE] = NOTHING
        mem[region + WRITE_BEGIN] = 0
        mem[region + WRITE_END] = 0
    for cache in (DCACHE, ICACHE):
        if mem[cache + REPLACEMENT] == PSEUDO_RANDOM:  # LRU's count must go on rising
            mem[cache + STATE] = SEED


@compiled
def plain_hits(mem: Any) -> None:
    """Say from when on hits need no second look; to be called when the cache is switched."""
    plain = mem[DCACHE + ENABLED] and mem[DCACHE + REPLACEMENT] != LRU
    mem[PLAIN_FROM] = mem[BUSY_UNTIL] if plain else FOREVER


@compiled
def forget_all(mem: Any, cache: int) -> None:
    """Invalidate a whole cache; stamps too, so that nothing before it matters behind it."""
    lines = (mem[cache + SET_MASK] + 1) * mem[cache + WAYS]
    for offset in range(lines):
        mem[mem[cache + TAGS] + offset] = NOTHING
        mem[mem[cache + STAMPS] + offset] = 0


@compiled
def forget_line(mem: Any, cache: int, address: int) -> None:
    """Invalidate the line that holds an address, if the cache has it."""
    slot = _find(mem, cache, address >> LINE_SHIFT)
    if slot >= 0:
        mem[slot] = NOTHING


@compiled
def clean_line(mem: Any, address: int) -> None:
    """Mark the data line that holds an address as equal to memory."""
    slot = _find(mem, DCACHE, address >> LINE_SHIFT)
    if slot >= 0:
        mem[slot] &= ~DIRTY


@compiled
def maintain_way(mem: Any, set_index: int, way: int, invalidate: bool) -> None:
    """Clean, or clean and invalidate, one way of a set of the data cache."""
    slot = mem[DCACHE + TAGS] + set_index * mem[DCACHE + WAYS] + way
    if mem[slot] != NOTHING:
        mem[slot] = NOTHING if invalidate else mem[slot] & ~DIRTY
    mem[slot + mem[DCACHE + STAMPS] - mem[DCACHE + TAGS]] = 0


@compiled
def _find(mem: Any, cache: int, line: int) -> int:
    """Index of the tag word that holds a line, -1 where none does."""
    first = mem[cache + TAGS] + (line & mem[cache + SET_MASK]) * mem[cache + WAYS]
    for slot in range(first, first + mem[cache + WAYS]):
        if mem[slot] >> 2 == line:
            return slot
    return -1


@compiled
def _in_line(mem: Any, address: int, size_bytes: int, is_store: bool, now: int) -> int:
    line = address >> LINE_SHIFT
    if mem[DCACHE + ENABLED]:
        slot = _find(mem, DCACHE, line)
        if slot >= 0:
            mem[HINTS + (line & (HINT_WORDS - 1))] = slot
            return _hit(mem, slot, address, size_bytes, is_store, now)
    region = _region(mem, address)
    if region < 0:
        return 0
    if not is_store:
        wait = _read(mem, region, address, now)
    else:
        wait = _write(mem, region, address, size_bytes, now)
    _charge(mem, region, wait)
    return wait


@compiled
def _hit(mem: Any, slot: int, address: int, size_bytes: int, is_store: bool, now: int) -> int:
    """A line that the cache has, or that is on its way."""
    if mem[DCACHE + REPLACEMENT] == LRU:
        _touch(mem, DCACHE, slot)
    if is_store:
        if mem[slot] & THROUGH:
            region = _region(mem, address)
            wait = _put(mem, region, address, size_bytes, now)
            _charge(mem, region, wait)
            return wait
        mem[slot] |= DIRTY
    if now >= mem[BUSY_UNTIL]:
        return 0
    return _hit_under_fill(mem, address, is_store, now)


@compiled
def _hit_under_fill(mem: Any, address: int, is_store: bool, now: int) -> int:
    for row in range(FILLS, FETCH_FILL, FILL_WORDS):
        if mem[row + LINE] == address >> LINE_SHIFT and _done_at(mem, row) > now:
            if is_store:
                wait = _hold(mem, address >> CHUNK_SHIFT, _done_at(mem, row), now)
            else:
                chunk = (address >> CHUNK_SHIFT) & (CHUNKS - 1)
                wait = max(0, _arrives_at(mem, row, chunk) - now)
            _charge(mem, _region(mem, address), wait)
            return wait
    return 0


@compiled
def _arrives_at(mem: Any, row: int, chunk: int) -> int:
    """When a chunk of a line fill reaches the core; bursts wrap at the line's end."""
    behind = (chunk - mem[row + FIRST_CHUNK]) & (CHUNKS - 1)
    return int(mem[row + FIRST_AT] + behind * mem[row + CHUNK_AT])


@compiled
def _done_at(mem: Any, row: int) -> int:
    return int(mem[row + FIRST_AT] + (CHUNKS - 1) * mem[row + CHUNK_AT])


@compiled
def _region(mem: Any, address: int) -> int:
    """Row of the region that holds an address, -1 where none does; most often the last asked."""
    region = mem[LAST_REGION]
    if 0 <= address - mem[region + BASE] < mem[region + BYTES]:
        return int(region)
    for index in range(mem[REGION_COUNT]):
        region = REGIONS + index * REGION_WORDS
        if 0 <= address - mem[region + BASE] < mem[region + BYTES]:
            mem[LAST_REGION] = region
            return int(region)
    return -1


@compiled
def _charge(mem: Any, region: int, wait: int) -> None:
    mem[region + STALL_TICKS] += wait
    mem[BLOCKS + mem[BLOCK] * BLOCK_WORDS + BLOCK_STALL_TICKS] += wait


@compiled
def _count(mem: Any, region: int, counter: int) -> None:
    mem[region + counter] += 1
    mem[BLOCKS + mem[BLOCK] * BLOCK_WORDS + BLOCK_MISSES] += 1


@compiled
def _read(mem: Any, region: int, address: int, now: int) -> int:
    """A load that the cache cannot answer."""
    _count(mem, region, READ_MISSES)
    chunk = (address >> CHUNK_SHIFT) & (CHUNKS - 1)
    if mem[region + POLICY] <= UNCACHED or not mem[DCACHE + ENABLED]:
        begin = max(now, mem[region + BUS_FREE_AT])
        first_at = _burst(mem, region, address & ~(CHUNK_BYTES - 1), 1, begin)
        return int(first_at + mem[region + OVERHEAD_TICKS] - now)
    row = _fill(mem, region, address >> LINE_SHIFT, chunk, now)
    return _arrives_at(mem, row, chunk) - now


@compiled
def _write(mem: Any, region: int, address: int, size_bytes: int, now: int) -> int:
    """A store that the cache does not have."""
    _count(mem, region, WRITE_MISSES)
    if mem[region + POLICY] == WRITE_BACK_ALLOCATE and mem[DCACHE + ENABLED]:
        wait = _entry_wait(mem, now)
        row = _fill(mem, region, address >> LINE_SHIFT, 0, now + wait)
        mem[_find(mem, DCACHE, address >> LINE_SHIFT)] |= DIRTY
        return wait + _hold(mem, address >> CHUNK_SHIFT, _done_at(mem, row), now + wait)
    return _put(mem, region, address, size_bytes, now)


@compiled
def _fill(mem: Any, region: int, line: int, chunk: int, now: int) -> int:
    """Start fetching a line for the data cache and make room for it; returns its row of FILLS.

    It starts when one of the two line-fill buffers is free, that is when at most one of the fills
    before it is still under way.
    """
    row, latest, second = FILLS, 0, 0
    for other in range(FILLS, FETCH_FILL, FILL_WORDS):
        done = _done_at(mem, other)
        if done < _done_at(mem, row):
            row = other
        if done > latest:
            latest, second = done, latest
        elif done > second:
            second = done
    _receive(mem, region, row, line, chunk, max(now, second))
    mem[BUSY_UNTIL] = max(mem[BUSY_UNTIL], _done_at(mem, row))
    plain_hits(mem)
    flags = THROUGH
    if mem[region + POLICY] != WRITE_THROUGH:
        flags = _merge_stores(mem, line)
    _evict(mem, _allocate(mem, DCACHE, line, flags), now)
    return row


@compiled
def _receive(mem: Any, region: int, row: int, line: int, chunk: int, now: int) -> None:
    """A burst of a whole line, written into a row of FILLS."""
    begin = max(now, mem[region + BUS_FREE_AT])
    mem[row + LINE] = line
    mem[row + FIRST_CHUNK] = chunk if mem[region + WRAPS] else 0
    first_at = _burst(mem, region, line << LINE_SHIFT, CHUNKS, begin)
    mem[row + FIRST_AT] = first_at + mem[region + OVERHEAD_TICKS]
    mem[row + CHUNK_AT] = -(-(mem[region + BUS_FREE_AT] - first_at) // (CHUNKS - 1))


@compiled
def _burst(mem: Any, region: int, address: int, chunks: int, begin: int) -> int:
    """When the first chunk of a read leaves its memory; the controller is busy to the last one."""
    per_chunk = mem[region + CHUNK_TICKS]
    if mem[region + PREFETCH_BYTES] == 0:
        first_at = begin + mem[region + READ_TICKS] + per_chunk
        mem[region + BUS_FREE_AT] = first_at + (chunks - 1) * per_chunk
        return int(first_at)
    # The controller reads on in order, its buffer permitting; another address ends that.
    if not mem[region + AHEAD_FROM] <= address < mem[region + AHEAD_TO]:
        mem[region + AHEAD_TO] = address + CHUNK_BYTES
        mem[region + AHEAD_AT] = begin + mem[region + READ_TICKS] + per_chunk
    mem[region + AHEAD_FROM] = address
    limit = address + chunks * CHUNK_BYTES + mem[region + PREFETCH_BYTES]
    more = (limit - mem[region + AHEAD_TO]) >> CHUNK_SHIFT
    if more > 0:
        mem[region + AHEAD_AT] = max(mem[region + AHEAD_AT], begin) + more * per_chunk
        mem[region + AHEAD_TO] += more << CHUNK_SHIFT
    behind = (mem[region + AHEAD_TO] - address - CHUNK_BYTES) >> CHUNK_SHIFT
    first_at = max(begin, mem[region + AHEAD_AT] - behind * per_chunk)
    last_at = mem[region + AHEAD_AT] - (behind - chunks + 1) * per_chunk
    mem[region + BUS_FREE_AT] = max(first_at, last_at)
    return int(first_at)


@compiled
def _allocate(mem: Any, cache: int, line: int, flags: int) -> int:
    """Put a line into its set; returns the tag word that was there."""
    first = mem[cache + TAGS] + (line & mem[cache + SET_MASK]) * mem[cache + WAYS]
    slot = -1
    for candidate in range(first, first + mem[cache + WAYS]):
        if mem[candidate] == NOTHING:
            slot = candidate
            break
    if slot < 0:
        slot = first + _victim(mem, cache, first)
    victim = mem[slot]
    mem[slot] = line << 2 | flags
    if mem[cache + REPLACEMENT] == LRU:
        _touch(mem, cache, slot)
    return int(victim)


@compiled
def _victim(mem: Any, cache: int, first: int) -> int:
    """Way of a full set that is replaced."""
    ways = mem[cache + WAYS]
    stamps = first + mem[cache + STAMPS] - mem[cache + TAGS]
    if mem[cache + REPLACEMENT] == PSEUDO_RANDOM:
        # Galois form of x^16 + x^14 + x^13 + x^11 + 1, the textbook's maximal 16-bit register.
        state = mem[cache + STATE]
        mem[cache + STATE] = (state >> 1) ^ (0xB400 if state & 1 else 0)
        return int(mem[cache + STATE] & (ways - 1))
    if mem[cache + REPLACEMENT] == ROUND_ROBIN:
        way = mem[stamps]
        mem[stamps] = (way + 1) & (ways - 1)
        return int(way)
    oldest = 0
    for way in range(1, ways):
        if mem[stamps + way] < mem[stamps + oldest]:
            oldest = way
    return oldest


@compiled
def _touch(mem: Any, cache: int, slot: int) -> None:
    """Note that a line was used last; the count never runs over in 2^63 accesses."""
    mem[cache + STATE] += 1
    mem[slot + mem[cache + STAMPS] - mem[cache + TAGS]] = mem[cache + STATE]


@compiled
def _evict(mem: Any, victim: int, now: int) -> None:
    """A dirty line waits in the eviction buffer until its controller is free, behind the fill."""
    if victim == NOTHING or not victim & DIRTY:
        return
    region = _region(mem, victim >> 2 << LINE_SHIFT)
    mem[region + WRITE_BACKS] += 1
    _send(mem, region, NOTHING, CHUNKS, now)


@compiled
def _send(mem: Any, region: int, line: int, chunks: int, now: int) -> int:
    """When a write burst is through; what a controller had read ahead is lost.

    Chunks of the line that waits last for the controller join its burst; a line of NOTHING joins
    none.
    """
    free_at, end = mem[region + BUS_FREE_AT], mem[region + WRITE_END]
    joins = mem[region + WRITE_LINE] == line and line != NOTHING
    if joins and free_at == end and now < mem[region + WRITE_BEGIN]:
        done = end + chunks * mem[region + CHUNK_TICKS]
    else:
        begin = max(now, free_at)
        mem[region + WRITE_BEGIN] = begin
        mem[region + WRITE_LINE] = line
        mem[region + BUS_WRITES] += line != NOTHING
        done = begin + mem[region + WRITE_TICKS] + chunks * mem[region + CHUNK_TICKS]
    mem[region + WRITE_END] = done
    mem[region + BUS_FREE_AT] = done
    mem[region + AHEAD_TO] = 0
    mem[region + AHEAD_FROM] = 0
    return int(done)


@compiled
def _entry_wait(mem: Any, now: int) -> int:
    """How long until the store buffer has a free entry.

    One of them is free or under way: a store that takes the last free entry has another sent.
    """
    soonest = FOREVER
    for row in range(ENTRIES, REGIONS, ENTRY_WORDS):
        soonest = min(soonest, mem[row + FREE_AT])
    return int(max(0, soonest - now))


@compiled
def _take_entry(mem: Any, chunk: int, mask: int, free_at: int, now: int) -> int:
    """Fill a free entry, which the caller has waited for; returns its row."""
    row = ENTRIES
    while mem[row + FREE_AT] > now:
        row += ENTRY_WORDS
    mem[SEQUENCE] += 1
    mem[row + CHUNK] = chunk
    mem[row + MASK] = mask
    mem[row + FREE_AT] = free_at
    mem[row + AGE] = mem[SEQUENCE]
    return row


@compiled
def _hold(mem: Any, chunk: int, until: int, now: int) -> int:
    """A store to a line on its way stays in the store buffer until the line is there."""
    for row in range(ENTRIES, REGIONS, ENTRY_WORDS):
        if mem[row + CHUNK] == chunk and now < mem[row + FREE_AT] < FOREVER:
            return 0
    wait = _entry_wait(mem, now)
    if now + wait < until:
        _take_entry(mem, chunk, 0, until, now + wait)
    return wait


@compiled
def _put(mem: Any, region: int, address: int, size_bytes: int, now: int) -> int:
    """A store that goes to memory: merged by 64 bits, sent when whole or when room is needed."""
    room = CHUNK_BYTES - (address & (CHUNK_BYTES - 1))
    wait = _put_in_chunk(mem, region, address, min(size_bytes, room), now)
    if size_bytes > room:
        wait += _put_in_chunk(mem, region, address + room, size_bytes - room, now + wait)
    return wait


@compiled
def _put_in_chunk(mem: Any, region: int, address: int, size_bytes: int, now: int) -> int:
    chunk = address >> CHUNK_SHIFT
    mask = ((1 << size_bytes) - 1) << (address & (CHUNK_BYTES - 1))
    if mem[region + POLICY] == DEVICE:
        wait = _entry_wait(mem, now)
        mem[region + BUS_WRITES] += 1
        done = _send(mem, region, NOTHING, 1, now + wait)
        _take_entry(mem, chunk, mask, done, now + wait)
        return wait
    for row in range(ENTRIES, REGIONS, ENTRY_WORDS):
        if mem[row + CHUNK] == chunk and mem[row + FREE_AT] == FOREVER:
            mem[row + MASK] |= mask
            if mem[row + MASK] == WHOLE:
                _send_line(mem, row, now)
            return 0
    wait = _entry_wait(mem, now)
    row = _take_entry(mem, chunk, mask, FOREVER, now + wait)
    if mask == WHOLE:
        _send_line(mem, row, now + wait)
    elif _is_full(mem, now + wait):
        _send_oldest(mem, row, now + wait)
    return wait


@compiled
def _is_full(mem: Any, now: int) -> bool:
    for row in range(ENTRIES, REGIONS, ENTRY_WORDS):
        if mem[row + FREE_AT] <= now:
            return False
    return True


@compiled
def _send_oldest(mem: Any, newest: int, now: int) -> None:
    """Send the oldest entry that still takes bytes, if there is one beside the newest."""
    oldest = NOTHING
    for row in range(ENTRIES, REGIONS, ENTRY_WORDS):
        is_older = oldest == NOTHING or mem[row + AGE] < mem[oldest + AGE]
        if row != newest and mem[row + FREE_AT] == FOREVER and is_older:
            oldest = row
    if oldest >= 0:
        _send_line(mem, oldest, now)


@compiled
def _send_line(mem: Any, row: int, now: int) -> None:
    """Send an entry, and with it in one burst all open entries of the same line."""
    line = mem[row + CHUNK] >> (LINE_SHIFT - CHUNK_SHIFT)
    region = _region(mem, line << LINE_SHIFT)
    chunks = 0
    for other in range(ENTRIES, REGIONS, ENTRY_WORDS):
        if mem[other + CHUNK] >> (LINE_SHIFT - CHUNK_SHIFT) == line:
            chunks += mem[other + FREE_AT] == FOREVER
    done = _send(mem, region, line, chunks, now)
    for other in range(ENTRIES, REGIONS, ENTRY_WORDS):
        linked = mem[other + CHUNK] >> (LINE_SHIFT - CHUNK_SHIFT) == line
        if linked and mem[other + FREE_AT] == FOREVER:
            mem[other + FREE_AT] = done


@compiled
def _merge_stores(mem: Any, line: int) -> int:
    """Stores that wait for a line that is fetched now go into its fill; returns its tag's flags."""
    flags = 0
    for row in range(ENTRIES, REGIONS, ENTRY_WORDS):
        open_entry = mem[row + FREE_AT] == FOREVER
        if open_entry and mem[row + CHUNK] >> (LINE_SHIFT - CHUNK_SHIFT) == line:
            mem[row + CHUNK] = NOTHING
            mem[row + FREE_AT] = 0
            flags = DIRTY
    return flags


@compiled
def _fetch_line(mem: Any, line: int, first_chunk: int, last_chunk: int, now: int) -> int:
    """Wait for the chunks of a line that a block executes."""
    region = _region(mem, line << LINE_SHIFT)
    if region < 0:
        return 0
    if mem[region + POLICY] <= UNCACHED or not mem[ICACHE + ENABLED]:
        return _fetch_uncached(mem, region, line, first_chunk, last_chunk, now)
    slot = _find(mem, ICACHE, line)
    if slot < 0:
        mem[region + FETCH_MISSES] += 1
        mem[BLOCKS + mem[BLOCK] * BLOCK_WORDS + BLOCK_MISSES] += 1
        begin = max(now, _done_at(mem, FETCH_FILL))
        _receive(mem, region, FETCH_FILL, line, first_chunk, begin)
        _allocate(mem, ICACHE, line, 0)
    elif mem[ICACHE + REPLACEMENT] == LRU:
        _touch(mem, ICACHE, slot)
    if mem[FETCH_FILL + LINE] != line:
        return 0
    wait = max(0, _arrives_at(mem, FETCH_FILL, last_chunk) - now)
    _charge(mem, region, wait)
    return wait


@compiled
def _fetch_uncached(
    mem: Any, region: int, line: int, first_chunk: int, last_chunk: int, now: int
) -> int:
    """Without a cache every chunk is read, each time."""
    _count(mem, region, FETCH_MISSES)
    chunks = last_chunk - first_chunk + 1
    begin = max(now, mem[region + BUS_FREE_AT])
    address = (line << LINE_SHIFT) + (first_chunk << CHUNK_SHIFT)
    first_at = _burst(mem, region, address, chunks, begin)
    wait = first_at + (chunks - 1) * mem[region + CHUNK_TICKS] + mem[region + OVERHEAD_TICKS] - now
    _charge(mem, region, wait)
    return int(wait)
