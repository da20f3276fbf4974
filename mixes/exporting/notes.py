"""What every export says of itself for people: which mix it is, and how much of each source."""

from collections.abc import Iterable

from mixes.manifest import Manifest, digest_of

README_FILE = "README.md"


def notes(mix: Manifest, reader: str, paragraphs: Iterable[str]) -> str:
    """Return a README in Markdown: what was exported, the paragraphs given, and a table of the sources."""
    held_out = held_out_tokens(mix)
    validation = f", and {held_out:,} tokens for validation, which no training sees" if held_out else ""
    head = (
        f"The built mix `{mix.name}` of gristmill for {reader}: {mix.tokens:,} tokens of {mix.documents:,} documents, "
        f"every epoch counted{validation}.\nDigest of its manifest: `{digest_of(mix)}`. Tokenizer: "
        f"`{mix.tokenizer.name}`, {mix.tokenizer.vocab_size:,} ids; {mix.tokenizer.eos_id} ends each document.\n"
        f"`sha256sum --check --quiet SHA256SUMS` checks every file."
    )
    return "\n\n".join([f"# {mix.name}", head, *paragraphs, "## Sources", _table(mix)]) + "\n"


def held_out_tokens(mix: Manifest) -> int:
    """Return the tokens that a mix holds out for validation."""
    return sum(source.total("held_out_tokens") for source in mix.sources)


def _table(mix: Manifest) -> str:
    lines = [
        "| source | tokens | documents | of one epoch | epochs | share | validation |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for source in mix.sources:
        epochs = source.tokens / source.available_tokens if source.available_tokens else 0.0
        share = source.tokens / mix.tokens if mix.tokens else 0.0
        lines.append(
            f"| {source.name} | {source.tokens:,} | {source.documents:,} | {source.available_tokens:,} | "
            f"{epochs:.3f} | {share:.2%} | {source.total('held_out_tokens'):,} |"
        )
    return "\n".join(lines)
