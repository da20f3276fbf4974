"""Telling: what a forgetting will do and what it did, line by line."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pages.figures import things
from pages.terminal import aligned, printable
from pipelines.forgetting.plan import ForgettingPlan
from pipelines.forgetting.proof import Proof

_LISTED = 20


def tell_plan(output: Path, plan: ForgettingPlan) -> Iterator[str]:
    """Yield what is to be done."""
    copies = f", {plan.num_copies:,} of them for their text alone" if plan.num_copies else ""
    yield f"{things(len(plan.documents), 'document')} to forget{copies}; take out of your shards too:"
    rows = [(each.source, printable(each.shard), f"record {each.row:,}") for each in plan.documents[:_LISTED]]
    yield from _listed(list(aligned(rows)), len(plan.documents))
    if plan.may_return:
        num = len(plan.may_return)
        was, them = ("was", "it") if num == 1 else ("were", "them")
        dropped = f"{things(num, 'document')} {was} dropped in favour of what is to be forgotten"
        yield f"{dropped} and may return; --with-cluster forgets {them} too:"
        yield from _listed([printable(place) for place in plan.may_return[:_LISTED]], num)
    if plan.num_unread:
        unread = things(plan.num_unread, "text")
        yield f"{unread} could not be read again: known by id, and as span edits left the document"
    yield from _file_lines(output, plan)
    if plan.mixes:
        yield f"mixes to be built again: {', '.join(mix.name for mix in plan.mixes)}"


def _file_lines(output: Path, plan: ForgettingPlan) -> Iterator[str]:
    caches, parts = plan.touched.caches, plan.touched.parts
    size = sum((output / name).stat().st_size for name in (*caches, *parts))
    num = things(len(caches) + len(parts), "file")
    yield f"what holds something of that or was made of it goes: {num}, {size / 1e6:,.1f} MB"
    linked = [name for name in parts if (output / name).stat().st_nlink > 1]
    if linked:
        linked_files = f"{things(len(linked), 'file')} with a second name, as those of exports have"
        yield f"among them {linked_files}: remove those exports and make new ones"


def tell_proof(proof: Proof, place: Path) -> Iterator[str]:
    """Yield what was done."""
    yield f"{things(proof.documents, 'document')} {'is' if proof.documents == 1 else 'are'} forgotten"
    for name, mix in proof.mixes.items():
        gone = things(mix.forgotten, "document")
        yield (
            f"mix '{name}': {gone} gone from its parts, {mix.equal:,} the same, token by token; "
            f"{mix.returned:,} returned, {mix.dropped:,} dropped for those, {mix.cut_otherwise:,} cut otherwise"
        )
        yield f"  digest {mix.digest_before} before"
        yield f"         {mix.digest_after} now"
    yield (
        f"files: {len(proof.equal):,} the same, {len(proof.changed):,} made anew, {len(proof.removed):,} removed, "
        f"{len(proof.added):,} added"
    )
    yield f"proof  {place}"


def _listed(lines: Sequence[str], number: int) -> Iterator[str]:
    yield from (f"  {line}" for line in lines)
    if number > len(lines):
        yield f"  and {number - len(lines):,} more"
