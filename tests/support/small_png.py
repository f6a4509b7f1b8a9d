"""Pictures of pages made small: 256 colours are enough for text and lines, and a palette takes a byte for each pixel.

Only screenshots of a browser can be read: eight bits a channel; red, green, blue and perhaps alpha; not interlaced.
"""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256


def make_small(path: Path) -> int:
    """Write a picture again with 256 colours at most. Returns its size in bytes."""
    width, height, pixels = _read(path.read_bytes())
    counted = Counter(pixels)
    palette = [colour for colour, _ in counted.most_common(COLOURS)]
    places = {colour: place for place, colour in enumerate(palette)}
    for colour in counted.keys() - places.keys():
        places[colour] = min(range(len(palette)), key=lambda place: _distance(palette[place], colour))
    rows = b"".join(
        b"\0" + bytes(places[colour] for colour in pixels[start : start + width])
        for start in range(0, width * height, width)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    path.write_bytes(SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks))
    return path.stat().st_size


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _distance(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _read(data: bytes) -> tuple[int, int, list[bytes]]:
    """Return a picture's width, its height and its pixels, each as three bytes."""
    chunks = dict.fromkeys((b"IHDR", b"IDAT"), b"")
    for kind, content in _chunks(data):
        chunks[kind] = chunks.get(kind, b"") + content
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, interlaced, kind in (2, 6)) == (8, 0, True), "this is no screenshot of a browser"
    step = 3 if kind == 2 else 4
    raw = zlib.decompress(chunks[b"IDAT"])
    pixels: list[bytes] = []
    above = bytearray(width * step)
    for start in range(0, len(raw), width * step + 1):
        above = _unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + width * step]), above, step)
        pixels += [bytes(above[place : place + 3]) for place in range(0, width * step, step)]
    return width, height, pixels


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(SIGNATURE)
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += length + 12


def _unfiltered(kind: int, row: bytearray, above: bytearray, step: int) -> bytearray:
    """Return a row as it was before it was filtered (PNG specification, 9.2)."""
    for place in range(len(row)):
        left = row[place - step] if place >= step else 0
        match kind:
            case 1:
                added = left
            case 2:
                added = above[place]
            case 3:
                added = (left + above[place]) // 2
            case 4:
                added = _paeth(left, above[place], above[place - step] if place >= step else 0)
            case _:
                return row
        row[place] = (row[place] + added) & 0xFF
    return row


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    distances = ((abs(guess - left), left), (abs(guess - above), above), (abs(guess - corner), corner))
    return min(distances, key=lambda one: one[0])[1]
