"""Read settings: bounds that hold, and bounds that are refused."""

import pytest

from pipelines.readers import ReadSettings


@pytest.mark.parametrize("key", ["max_document_bytes", "batch_bytes"])
@pytest.mark.parametrize("size", [0, -1, 1 << 31])
def test_sizes_that_arrow_cannot_hold_are_refused(key: str, size: int) -> None:
    with pytest.raises(ValueError, match=f"{key} is {size:,}; wanted at least 1"):
        ReadSettings(max_document_bytes=size) if key == "max_document_bytes" else ReadSettings(batch_bytes=size)


def test_a_line_may_hold_a_text_and_32_mebibytes_more() -> None:
    assert ReadSettings(max_document_bytes=100).max_line_bytes == 100 + (32 << 20)
    assert ReadSettings(max_document_bytes=(1 << 31) - 1).max_line_bytes == (1 << 31) - 1
