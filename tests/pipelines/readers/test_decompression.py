"""Every cut and every corruption is reported, and no input costs more memory than its bounds."""

import gzip
import io
import lzma
import tracemalloc
import zlib

import pytest

from pipelines.readers.decompression import StreamDamage, decompress
from tests.pipelines.readers.making import COMPRESS, flipped, zstd_compress

_NAMES = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2", ".xz": "xz"}
_TEXT = b"".join(b"line %d of a small text\n" % number for number in range(40))


def _run(data: bytes, compression: str, max_ratio: int = 1000) -> tuple[bytes, StreamDamage | None]:
    pieces = []
    try:
        for piece in decompress(io.BytesIO(data).read, compression, max_ratio):
            pieces.append(piece)  # noqa: PERF402  # what came before a damage counts
    except StreamDamage as damage:
        return b"".join(pieces), damage
    return b"".join(pieces), None


@pytest.mark.parametrize("ending", COMPRESS)
def test_what_was_compressed_comes_back(ending: str) -> None:
    assert _run(COMPRESS[ending](_TEXT), _NAMES[ending]) == (_TEXT, None)


def test_uncompressed_bytes_pass_through_and_nothing_is_nothing() -> None:
    assert _run(_TEXT, "none") == (_TEXT, None)
    assert _run(b"", "none") == (b"", None)


@pytest.mark.parametrize("ending", COMPRESS)
def test_members_are_joined(ending: str) -> None:
    data = COMPRESS[ending](b"one ") + COMPRESS[ending](b"") + COMPRESS[ending](b"two")
    assert _run(data, _NAMES[ending]) == (b"one two", None)


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_cut_anywhere_but_between_members_is_truncation(ending: str) -> None:
    first, second = COMPRESS[ending](_TEXT), COMPRESS[ending](_TEXT[::-1])
    whole = first + second
    for cut in range(len(whole)):
        output, damage = _run(whole[:cut], _NAMES[ending])
        assert (_TEXT + _TEXT[::-1]).startswith(output)
        if cut == len(first):
            assert damage is None
        else:
            assert damage is not None, cut
            assert damage.reason == "truncated", cut
            assert damage.byte_offset == len(output)


@pytest.mark.parametrize("ending", COMPRESS)
def test_changed_bytes_are_damage_or_change_nothing(ending: str) -> None:
    data = COMPRESS[ending](_TEXT)
    for damaged in flipped(data, 600):
        output, damage = _run(damaged, _NAMES[ending])
        assert damage is not None or output == _TEXT


@pytest.mark.parametrize("ending", COMPRESS)
def test_an_empty_file_with_a_compression_is_truncation(ending: str) -> None:
    output, damage = _run(b"", _NAMES[ending])
    assert output == b""
    assert damage is not None
    assert (damage.reason, damage.byte_offset) == ("truncated", 0)


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("garbage", [b"x", b"garbage that is longer than any header of a member", b"{}\n"])
def test_bytes_after_the_last_member_are_damage(ending: str, garbage: bytes) -> None:
    output, damage = _run(COMPRESS[ending](_TEXT) + garbage, _NAMES[ending])
    assert output == _TEXT
    assert damage is not None


@pytest.mark.parametrize("ending", COMPRESS)
def test_zero_padding_is_allowed_only_at_the_end_of_gzip_and_xz(ending: str) -> None:
    member = COMPRESS[ending](_TEXT)
    _, damage = _run(member + b"\0" * 200_000, _NAMES[ending])
    assert (damage is None) == (ending in (".gz", ".xz"))
    _, damage = _run(member + b"\0" * 512 + member, _NAMES[ending])
    assert damage is not None
    assert damage.reason == "corrupt"
    _, damage = _run(b"\0" * 512, _NAMES[ending])
    assert damage is not None


def test_skippable_zstd_frames_are_passed_over() -> None:
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    data = skippable + COMPRESS[".zst"](_TEXT) + skippable
    assert _run(data, "zstd") == (_TEXT, None)
    for cut in range(1, len(skippable)):
        _, damage = _run(data[:cut], "zstd")
        assert damage is not None
        assert damage.reason == "truncated"


def test_a_bomb_is_stopped_where_its_ratio_shows() -> None:
    data = COMPRESS[".zst"](bytes(1 << 20)) * 100  # 100 MiB from 5 kB
    output, damage = _run(data, "zstd")
    assert damage is not None
    assert damage.reason == "corrupt"
    assert "bomb" in damage.detail
    assert len(output) == damage.byte_offset <= 64 << 20
    assert _run(data, "zstd", max_ratio=1_000_000)[1] is None


@pytest.mark.parametrize("ending", COMPRESS)
def test_the_pieces_of_a_highly_compressed_file_stay_small(ending: str) -> None:
    data = COMPRESS[ending](bytes(30 << 20))
    tracemalloc.start()
    sizes = [len(piece) for piece in decompress(io.BytesIO(data).read, _NAMES[ending], 1_000_000)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(sizes) == 30 << 20
    assert max(sizes) <= 1 << 20
    assert peak < 16 << 20


def test_a_zstd_window_beyond_the_bound_is_refused() -> None:
    _, damage = _run(zstd_compress(_TEXT, window_log=30), "zstd")
    assert damage is not None
    assert damage.reason == "corrupt"


def test_an_xz_dictionary_beyond_the_bound_is_refused() -> None:
    data = bytearray(lzma.compress(_TEXT, preset=0))
    header = data[12 : 12 + (data[12] + 1) * 4]  # of the first block: size, flags, filter 0x21, 1, dictionary, ..., CRC
    assert header[2:4] == b"\x21\x01"
    header[4] = 36  # 1 GiB
    header[-4:] = zlib.crc32(header[:-4]).to_bytes(4, "little")
    data[12 : 12 + len(header)] = header
    _, damage = _run(bytes(data), "xz")
    assert damage is not None
    assert damage.reason == "corrupt"
    assert "emory" in damage.detail


def test_small_members_without_number_are_read_in_linear_time() -> None:
    member = gzip.compress(b"x", mtime=0)
    assert _run(member * 20_000, "gzip") == (b"x" * 20_000, None)
