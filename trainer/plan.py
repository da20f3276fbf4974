"""The training plan: what a run will do and need, after all was refused that is known before its first step."""

from collections import Counter
from collections.abc import Iterator, Sequence

from mixes.errors import SpecError
from mixes.manifest import Manifest
from pages.terminal import aligned
from trainer.arguments import RunOptions, require_replicas
from trainer.checkpoint import newest_sound
from trainer.evaluation.suite import Suite
from trainer.models.presets import ModelShape
from trainer.ranks import Ranks, device_of, process_group
from trainer.resume import Beginning, beginning
from trainer.run_data import open_data
from trainer.schedule import learning_rate
from trainer.spec import CheckpointSpec, TrainSpec

_CHUNK_LOGITS = 2**29  # of trainer/models/head.py on a GPU


def checked_plan(spec: TrainSpec, options: RunOptions, world_size: int) -> str:
    """Return the plan of a run on so many ranks, after it was refused as the run would be, before its first step.

    Nothing is written. Of checkpoints and published models only JSON is read, where a run checks every byte.

    Raises:
        SpecError, MixError, CheckpointError, DataError: the run would be refused.
    """
    device_of(options.device)
    require_even_shares(spec, options.num_replicas, world_size)
    with process_group("cpu") as ranks:
        return format_plan(spec, *checked_beginning(spec, options, ranks), options, world_size)


def checked_beginning(spec: TrainSpec, options: RunOptions, ranks: Ranks) -> tuple[Sequence[Manifest], Beginning]:
    """Return the mixes of a run and where it begins, after it was refused as `checked_plan` says but for its ranks."""
    with open_data(options.mixes, spec, ranks) as data:
        own = None if options.fresh else newest_sound(options.output, content=False)
        begun = beginning(spec, data.manifests, own, options.start_from, content=False)
        if spec.evaluation is not None:
            Suite.of_mix(spec.evaluation, options.mixes[0])
        return data.manifests, begun


def format_plan(
    spec: TrainSpec, manifests: Sequence[Manifest], begun: Beginning, options: RunOptions, world_size: int
) -> str:
    """Return the plan as aligned lines: model, mix, length, learning rate, memory of each of `world_size` ranks."""
    return "\n".join(aligned(list(_rows(spec, manifests, begun, options, world_size))))


def require_even_shares(spec: TrainSpec, num_replicas: int, world_size: int) -> None:
    """Refuse ranks that do not fall into replicas, or among which a global batch does not fall into micro-batches.

    Raises:
        SpecError: they do not.
    """
    require_replicas(num_replicas, world_size)
    if spec.global_batch % (spec.micro_batch * world_size):
        raise SpecError(
            f"global_batch {spec.global_batch} does not fall into micro-batches of {spec.micro_batch} on "
            f"{world_size} ranks; wanted a multiple of {spec.micro_batch * world_size}, or fewer ranks"
        )


def memory_estimate(spec: TrainSpec, shape: ModelShape, options: RunOptions, world_size: int) -> int:
    """Return about how many bytes each rank needs.

    Weights, gradients and two moments in float32 are spread over the ranks; gathered copies and, with several
    micro-batches, summed gradients are not.
    """
    size = 2 if spec.precision == "bfloat16" else 4
    parameters = shape.num_parameters
    num_shards = world_size // options.num_replicas
    states = 16 * parameters // num_shards
    gathered = size * (parameters if num_shards == 1 else 2 * shape.vocab_size * shape.hidden_size)
    has_sums = spec.global_batch // world_size > spec.micro_batch
    head = (4 + size) * shape.vocab_size * shape.hidden_size
    layer = kept_of_a_layer(shape, size, compiled=options.compiled)
    layers = size * shape.hidden_size * shape.num_layers + layer if options.recomputes else shape.num_layers * layer
    token = layers + (10 + size) * shape.hidden_size
    num_tokens = spec.micro_batch * spec.sequence_length
    logits = 2 * size * min(_CHUNK_LOGITS, num_tokens * shape.vocab_size)
    return states + gathered + has_sums * 4 * parameters + head + logits + token * num_tokens


def kept_of_a_layer(shape: ModelShape, size: int, *, compiled: bool) -> int:
    """Return how many bytes of each token a layer keeps for the backward pass, to a hundredth.

    Args:
        shape: of the model.
        size: bytes of a number in forward and backward.
        compiled: the norms then keep what they are given, not two float32 forms of it, and SwiGLU no silu.
    """
    swiglus = shape.experts_per_token or 1
    to_experts = 2 * size * shape.hidden_size * shape.experts_per_token  # the states that go there and come back
    if compiled:
        return size * (10 * shape.hidden_size + 3 * shape.intermediate_size * swiglus) + to_experts
    return (32 + 6 * size) * shape.hidden_size + 4 * size * shape.intermediate_size * swiglus + to_experts


def _rows(
    spec: TrainSpec, manifests: Sequence[Manifest], begun: Beginning, options: RunOptions, world_size: int
) -> Iterator[tuple[str, str]]:
    """Yield each line as its title and its text."""
    shape = spec.model.shape(manifests[0].tokenizer.vocab_size)
    num_tokens = spec.num_steps * spec.tokens_per_step
    flops = shape.flops_per_token(spec.sequence_length)
    yield "model", f"{shape.num_parameters:,} parameters ({shape.num_non_embedding_parameters:,} but for the embedding)"
    if shape.num_experts:
        chosen = f"{shape.experts_per_token} of {shape.num_experts} experts a token"
        yield "", f"{shape.num_active_parameters:,} active: {chosen}"
    yield "", f"{shape.num_layers} layers of {shape.hidden_size}, vocabulary {shape.vocab_size:,}"
    steps = Counter({manifest.name: spec.num_steps for manifest in manifests if not spec.data})
    for name, num_steps in spec.data_steps:
        steps[name] += num_steps
    for manifest in manifests:
        yield "mix", _size_of(manifest, spec, steps[manifest.name])
        yield "", ", ".join(f"{source.name} {source.tokens:,}" for source in manifest.sources)
    if spec.data:
        yield "order", ", ".join(f"{name} {num_steps:,} steps" for name, num_steps in spec.data_steps)
    yield "begins", begun.place
    yield "run", f"{spec.num_steps:,} steps of {spec.global_batch:,} instances, {num_tokens:,} tokens"
    yield "learning rate", _rates(spec, begun.progress.peak_learning_rate)
    yield "compute", f"{flops:.3g} FLOP a token, {flops * num_tokens:.3g} in all"
    sharing = f"{options.num_replicas} replicas of the model, " if options.num_replicas > 1 else ""
    sharing += f"each {spec.global_batch // world_size} instances a step by {spec.micro_batch}"
    yield "ranks", f"{world_size}, {sharing}; {spec.precision}"
    yield "memory", f"about {_format_gib(memory_estimate(spec, shape, options, world_size))} a rank"
    yield "checkpoints", f"{_kept(spec.checkpoint)}, {_format_gib(12 * shape.num_parameters)} each"
    if spec.evaluation is not None:
        held_out = sum(source.total("held_out_tokens") for source in manifests[0].sources)
        texts = [] if spec.evaluation.texts is None else [spec.evaluation.texts]
        on = ", ".join([f"{held_out:,} tokens held out", *texts, *spec.evaluation.tasks])
        most = spec.evaluation.max_documents
        bound = "" if most is None else f", at most {most:,} documents of each source and domain"
        yield "evaluation", f"every {spec.evaluation.interval:,} steps: {on}{bound}"


def _size_of(manifest: Manifest, spec: TrainSpec, num_steps: int) -> str:
    """Return what a mix holds, and how often its steps see it."""
    num_instances = manifest.tokens // spec.sequence_length
    epochs = num_steps * spec.global_batch / num_instances if num_instances else 0
    size = f"{manifest.tokens:,} tokens, {num_instances:,} instances of {spec.sequence_length:,}"
    return f"{manifest.name}: {size}, {epochs:.3g} epochs seen"


def _kept(spec: CheckpointSpec) -> str:
    milestones = "" if spec.milestone is None else f" and those of every {spec.milestone:,}"
    return f"every {spec.interval:,} steps, the newest {spec.keep}{milestones} kept"


def _rates(spec: TrainSpec, peak: float) -> str:
    """Return the schedule as its rates at the steps where it bends."""
    schedule = spec.learning_schedule(peak)
    bends = sorted({1, schedule.warmup or 1, schedule.fall_start or 1, spec.num_steps})
    rates = [f"{learning_rate(step, schedule):.3g} at step {step:,}" for step in bends if step <= spec.num_steps]
    return f"{schedule.shape}: {', '.join(rates)}"


def _format_gib(size: int) -> str:
    return f"{size / 2**30:.2g} GiB"
