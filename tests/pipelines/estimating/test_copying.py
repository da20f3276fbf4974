"""Which shards a trial reads, and how much of them."""

import re

import pytest

from pipelines.build_mix import main
from pipelines.estimating import copying
from tests.pipelines.conftest import Corpus, make_text, write_jsonl


def test_few_shards_are_read_and_of_a_large_one_only_its_beginning(
    corpus: Corpus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for shard in range(3, 30):
        write_jsonl(corpus.data / "web" / f"{shard}.jsonl.gz", [{"text": make_text(shard)}])
    # Batches hold 4 MiB: of 9 MB of text in one shard the first batch is read.
    write_jsonl(corpus.data / "code" / "0.jsonl", [{"text": f"{row} " + "river stone " * 8_000} for row in range(96)])
    monkeypatch.setattr(copying, "MAX_SHARD_BYTES", 1_000_000)
    monkeypatch.setattr(copying, "MAX_SHARDS", 4)
    assert main(corpus.arguments("--sample", "1")) == 0
    shown, progress = capsys.readouterr()
    assert re.search(r"^tokenize: 2 of 2 units, ", progress, re.MULTILINE)
    assert re.search(r"^web +4 of 30 ", shown, re.MULTILINE)
    code = re.search(r"^code +1 of 1 +(\d+) of (\d+) ", shown, re.MULTILINE)
    assert code is not None
    assert 0 < int(code[1]) == int(code[2]) < 96
    assert not corpus.output.exists()
