"""A board's description, whole or in as small pieces as the line carries."""

from __future__ import annotations

from hwprof.errors import ProtocolError
from hwprof.profiler.exchange import Exchange
from hwprof.profiler.program import PROGRAM_VERSION
from hwprof.profiler.protocol import (
    IDENTITY_BYTES,
    IDENTITY_OFFSET_BYTES,
    PIECE_HEADER_BYTES,
    BoardInfo,
    HelloPiece,
    MessageType,
)

WHOLE_S = 5.0  # a board reads its whole pool before its first answer


def ask(exchange: Exchange) -> BoardInfo:
    """What the board says of itself.

    Raises:
        SilentBoardError, LinkError: no answer.
        ProtocolError: the board's firmware is of another version.
    """
    sequence = exchange.post(MessageType.HELLO, b"")
    payload = exchange.answer(MessageType.HELLO, sequence, WHOLE_S)
    if payload is None:
        exchange.size.damaged()
        payload = _in_pieces(exchange)
    info = BoardInfo.decode(payload)
    if info.program_version != PROGRAM_VERSION:
        raise ProtocolError(
            f"this hwprof writes programs of version {PROGRAM_VERSION}, the board's firmware "
            f"reads version {info.program_version}; load the image that came with this hwprof."
        )
    return info


def ask_identity(exchange: Exchange) -> tuple[str, str]:
    """Firmware id and unique id of the board, and nothing else of its description.

    Raises:
        As ``ask``.
    """
    return BoardInfo.decode_identity(_in_pieces(exchange, IDENTITY_OFFSET_BYTES, IDENTITY_BYTES))


def _in_pieces(exchange: Exchange, start: int = 0, size_bytes: int | None = None) -> bytes:
    """Bytes of the description from an offset on; all of them unless a size is given."""
    data = b""
    while size_bytes is None or len(data) < size_bytes:
        piece = _piece(exchange, start + len(data))
        if not piece.data:
            raise ProtocolError(
                f"the board describes itself in {piece.total_bytes} bytes and sends "
                f"{start + len(data)}; load the image that came with this hwprof."
            )
        data += piece.data
        if size_bytes is None and len(data) == piece.total_bytes:
            break
    return data[:size_bytes]


def _piece(exchange: Exchange, offset_bytes: int) -> HelloPiece:
    piece = HelloPiece.decode(
        exchange.request_piece(
            MessageType.HELLO,
            lambda limit: HelloPiece.request(offset_bytes, limit - PIECE_HEADER_BYTES),
        )
    )
    if piece.offset_bytes != offset_bytes:
        raise ProtocolError(
            f"the board was asked for its description from byte {offset_bytes} on and answered "
            f"from {piece.offset_bytes} on; reset it and try again."
        )
    return piece
