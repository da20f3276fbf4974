"""The training spec: the YAML file that holds all that shapes a training run's result."""

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from mixes.typed_yaml.fields import SettingError, about
from trainer.models.presets import PRESETS, ModelShape, PresetName, padded_vocab_size
from trainer.schedule import Schedule, ScheduleShape

Precision = Literal["bfloat16", "float32"]
MAX_SEED = 2**63 - 1
LOAD_BALANCING_LOSS, ROUTER_Z_LOSS = 0.01, 0.001  # OLMoE's (Muennighoff et al., 2024, section 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A preset, or all sizes, or a preset with some sizes changed."""

    preset: PresetName | None = field(default=None, metadata=about("a shape of trainer/models/presets.py, by its name"))
    hidden_size: int | None = field(default=None, metadata=about("width of the residual stream", at_least=1))
    intermediate_size: int | None = field(default=None, metadata=about("width of the SwiGLU", at_least=1))
    num_layers: int | None = field(default=None, metadata=about("number of layers", at_least=1))
    num_heads: int | None = field(default=None, metadata=about("attention heads", at_least=1))
    num_kv_heads: int | None = field(
        default=None, metadata=about("heads of keys and values; divides num_heads", at_least=1)
    )
    vocab_size: int | None = field(
        default=None,
        metadata=about("rows of embedding and head; without it the mix's vocabulary, padded to 128", at_least=1),
    )
    rope_theta: float | None = field(default=None, metadata=about("base of the rotary positions", above=0))
    norm_eps: float | None = field(default=None, metadata=about("epsilon of the norms", above=0))
    num_experts: int | None = field(
        default=None,
        metadata=about("experts of a layer, each of intermediate_size: an OLMoE", at_least=1),
    )
    experts_per_token: int | None = field(default=None, metadata=about("experts that each token goes to", at_least=1))

    def __post_init__(self) -> None:
        given = self._given()
        if self.preset is None:
            sizes = {"hidden_size", "intermediate_size", "num_layers", "num_heads", "num_kv_heads"}
            missing = sorted(sizes - given.keys())
            if missing:
                raise SettingError((), f"found no preset and no {', '.join(missing)}; wanted a preset or all sizes")
        shape = self.shape(1)
        if shape.hidden_size % (2 * shape.num_heads):
            found = f"hidden_size {shape.hidden_size} and num_heads {shape.num_heads}"
            raise SettingError("num_heads", f"found {found}; wanted heads of one even width")
        if shape.num_heads % shape.num_kv_heads:
            found = f"num_heads {shape.num_heads} and num_kv_heads {shape.num_kv_heads}"
            raise SettingError("num_kv_heads", f"found {found}; wanted a divisor of num_heads")
        if not min(1, shape.num_experts) <= shape.experts_per_token <= shape.num_experts:
            found = f"num_experts {shape.num_experts} and experts_per_token {shape.experts_per_token}"
            raise SettingError("experts_per_token", f"found {found}; wanted both, and no more a token than there are")

    def shape(self, mix_vocab_size: int) -> ModelShape:
        """Return the shape of the model for a mix whose tokenizer has `mix_vocab_size` ids."""
        sizes = {"vocab_size": padded_vocab_size(mix_vocab_size)} | self._given()
        if self.preset is not None:
            return dataclasses.replace(PRESETS[self.preset], **sizes)
        return ModelShape(**sizes)

    def _given(self) -> dict[str, int]:
        # Two of the values are floats; mypy follows numbers from int to float, so int describes all.
        values = {name: getattr(self, name) for name in ModelShape.__dataclass_fields__}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerSpec:
    """AdamW as OLMo 2 has it, unless a key says otherwise."""

    learning_rate: float | None = field(
        default=None,
        metadata=about("peak of the schedule; without it the last rate of the checkpoint given by --from", above=0),
    )
    beta1: float = field(default=0.9, metadata=about("memory of the mean gradient", at_least=0, at_most=0.99999))
    beta2: float = field(
        default=0.95, metadata=about("memory of the mean squared gradient", at_least=0, at_most=0.99999)
    )
    eps: float = field(default=1e-8, metadata=about("added to the root of the squared gradient", above=0))
    weight_decay: float = field(default=0.1, metadata=about("decay, times the learning rate, a step", at_least=0))
    decay_embedding: bool = field(
        default=False, metadata=about("decay the input embedding too, as OLMoE does and OLMo 2 does not")
    )
    max_grad_norm: float = field(default=1.0, metadata=about("bound of the global gradient norm", above=0))
    skip_sigma: float | None = field(
        default=6.0,
        metadata=about(
            "skip a step whose loss or gradient norm exceeds the recent mean by more sigma; null never", above=0
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSpec:
    """How the learning rate goes; every length is given in steps or in tokens."""

    shape: ScheduleShape = field(
        default="cosine",
        metadata=about("cosine or linear: falls from the warm-up on; constant: at the peak until the decay at the end"),
    )
    floor: float = field(default=0.1, metadata=about("last rate as a fraction of the peak", at_least=0, at_most=1))
    warmup_steps: int | None = field(default=None, metadata=about("length of the rise from 0", at_least=0))
    warmup_tokens: int | None = field(default=None, metadata=about("the same in tokens", at_least=0))
    horizon_steps: int | None = field(
        default=None, metadata=about("cosine, linear: where the floor is reached; without it the last step", at_least=1)
    )
    horizon_tokens: int | None = field(default=None, metadata=about("the same in tokens", at_least=1))
    decay_steps: int | None = field(
        default=None, metadata=about("constant: length of the straight fall at the end", at_least=0)
    )
    decay_tokens: int | None = field(default=None, metadata=about("the same in tokens", at_least=0))

    def __post_init__(self) -> None:
        for name in ("warmup", "horizon", "decay"):
            if None not in (getattr(self, f"{name}_steps"), getattr(self, f"{name}_tokens")):
                raise SettingError(f"{name}_tokens", f"found both {name}_steps and {name}_tokens; wanted one of them")
        foreign = "horizon" if self.shape == "constant" else "decay"
        for unit in ("steps", "tokens"):
            if getattr(self, f"{foreign}_{unit}") is not None:
                message = f"found {foreign}_{unit} with shape {self.shape}, which has none; leave it out"
                raise SettingError(f"{foreign}_{unit}", message)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSpec:
    """When checkpoints are written and how many stay."""

    interval: int = field(default=1000, metadata=about("steps from one checkpoint to the next", at_least=1))
    keep: int = field(default=3, metadata=about("newest checkpoints that stay on disk", at_least=1))
    milestone: int | None = field(
        default=None, metadata=about("checkpoints of steps divisible by this stay for ever", at_least=1)
    )

    def __post_init__(self) -> None:
        if self.milestone is not None and self.milestone % self.interval:
            found = f"milestone {self.milestone} and interval {self.interval}"
            raise SettingError("milestone", f"found {found}; wanted a multiple of interval, as no other step is saved")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteSpec:
    """What models are evaluated on, beside what a mix holds out; paths start at the folder where the command runs."""

    tokenizer: str | None = field(
        default=None, metadata=about("tokenizer.json of the mix, plain or compressed; for texts and tasks")
    )
    texts: str | None = field(default=None, metadata=about("a folder of texts: FOLDER/<domain>/*.jsonl[.gz|.zst]"))
    tasks: tuple[str, ...] = field(default=(), metadata=about("sets of questions as JSON lines"))
    shots: int = field(default=5, metadata=about("solved questions before each question", at_least=0))
    max_questions: int = field(
        default=1000, metadata=about("of a set that has more than 1.5 times so many", at_least=1)
    )
    max_documents: int | None = field(
        default=None,
        metadata=about("of each source that the mix holds out and of each domain of texts; without it all", at_least=1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSpec(SuiteSpec):
    """What the model is evaluated on while it is trained, and when."""

    interval: int = field(
        metadata=about("steps from one evaluation to the next; the last step has one too", at_least=1)
    )

    def __post_init__(self) -> None:
        if self.tokenizer is None and (self.texts is not None or self.tasks):
            raise SettingError("tokenizer", "found none, which texts and tasks need; wanted the mix's tokenizer.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchSpec:
    """Steps that follow one another and see one mix."""

    mix: str = field(metadata=about("name of a mix given by --mix"))
    steps: int | None = field(default=None, metadata=about("how many; the last stretch may go to the end", at_least=1))
    tokens: int | None = field(default=None, metadata=about("the same in tokens, rounded up to a step", at_least=1))

    def __post_init__(self) -> None:
        if None not in (self.steps, self.tokens):
            raise SettingError("tokens", "found both steps and tokens; wanted one of them")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSpec:
    """All that shapes the result of a training run; where and how it runs is for the command line."""

    model: ModelSpec = field(metadata=about("the shape of the model"))
    sequence_length: int = field(metadata=about("tokens of an instance", at_least=2))
    global_batch: int = field(metadata=about("instances of a step over all ranks", at_least=1))
    micro_batch: int = field(
        metadata=about("instances of one forward on one rank; part of the recipe, as sums depend on it", at_least=1)
    )
    steps: int | None = field(default=None, metadata=about("length of the run", at_least=1))
    tokens: int | None = field(default=None, metadata=about("the same in tokens, rounded up to a step", at_least=1))
    seed: int = field(default=6198, metadata=about("of the first weights", at_least=0, at_most=MAX_SEED))
    data_seed: int | None = field(
        default=None, metadata=about("of the data order; without it `seed`", at_least=0, at_most=MAX_SEED)
    )
    precision: Precision = field(
        default="bfloat16", metadata=about("of forward and backward; weights, sums and optimizer are float32")
    )
    z_loss: float = field(default=1e-5, metadata=about("factor of the squared logsumexp in the loss", at_least=0))
    load_balancing_loss: float | None = field(
        default=None,
        metadata=about("factor of the experts' load-balancing loss; without it OLMoE's 0.01", at_least=0),
    )
    router_z_loss: float | None = field(
        default=None, metadata=about("factor of the routers' squared logsumexp; without it OLMoE's 0.001", at_least=0)
    )
    document_masking: bool = field(default=False, metadata=about("keep attention inside documents"))
    mask_repeated_ngrams: bool = field(
        default=True, metadata=about("take no loss of an instance with 32 copies in a row of 1 to 13 tokens")
    )
    data: tuple[StretchSpec, ...] = field(
        default=(), metadata=about("mixes one after another, where there are several; one may come again")
    )
    log_interval: int = field(default=10, metadata=about("steps from one progress line to the next", at_least=1))
    optimizer: OptimizerSpec = field(default=OptimizerSpec(), metadata=about("AdamW"))
    schedule: ScheduleSpec = field(default=ScheduleSpec(), metadata=about("the learning rate"))
    checkpoint: CheckpointSpec = field(default=CheckpointSpec(), metadata=about("checkpoints"))
    evaluation: EvaluationSpec | None = field(default=None, metadata=about("evaluations on the way"))

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.tokens is None):
            found = "neither steps nor tokens" if self.steps is None else "both steps and tokens"
            raise SettingError("steps", f"found {found}, wanted one of them")
        if self.global_batch % self.micro_batch:
            found = f"global_batch {self.global_batch} and micro_batch {self.micro_batch}"
            raise SettingError("micro_batch", f"found {found}; wanted a divisor of global_batch")
        self._check_data()
        for key in ("load_balancing_loss", "router_z_loss"):
            if getattr(self, key) is not None and not self.model.shape(1).num_experts:
                raise SettingError(key, f"found {key} for a model without experts; leave it out, or give num_experts")

    @property
    def router_factors(self) -> tuple[float, float]:
        """Return the factors of the load-balancing loss and of the z-loss of routers."""
        return (
            LOAD_BALANCING_LOSS if self.load_balancing_loss is None else self.load_balancing_loss,
            ROUTER_Z_LOSS if self.router_z_loss is None else self.router_z_loss,
        )

    @property
    def tokens_per_step(self) -> int:
        """Return the tokens of a global batch."""
        return self.global_batch * self.sequence_length

    @property
    def num_steps(self) -> int:
        """Return the length of the run in steps."""
        return self._steps(self.steps, self.tokens)

    @property
    def data_steps(self) -> list[tuple[str, int]]:
        """Return the mixes one after another, each with its steps; empty where the spec names none."""
        lengths = [self._steps(stretch.steps, stretch.tokens) for stretch in self.data]
        rest = self.num_steps - sum(lengths)
        return [(stretch.mix, length or rest) for stretch, length in zip(self.data, lengths, strict=True)]

    def learning_schedule(self, peak: float) -> Schedule:
        """Return the schedule with every length in steps."""
        spec, last = self.schedule, self.num_steps
        start = warmup = self._steps(spec.warmup_steps, spec.warmup_tokens)
        stop = self._steps(spec.horizon_steps, spec.horizon_tokens, otherwise=last)
        if spec.shape == "constant":
            start = max(warmup, last - self._steps(spec.decay_steps, spec.decay_tokens))
        return Schedule(
            shape=spec.shape,
            peak=peak,
            floor=spec.floor,
            warmup=warmup,
            fall_start=start,
            fall_stop=max(stop, start),
        )

    def _check_data(self) -> None:
        """Refuse stretches that do not fill the run to its last step."""
        for place, stretch in enumerate(self.data[:-1]):
            if stretch.steps is None and stretch.tokens is None:
                raise SettingError(("data", place), "found neither steps nor tokens, which only the last may leave out")
        steps = self.data_steps
        total = sum(length for _, length in steps)
        if steps and (total != self.num_steps or steps[-1][1] < 1):
            raise SettingError(
                "data", f"found stretches of {total:,} steps for a run of {self.num_steps:,}; wanted all"
            )

    def _steps(self, steps: int | None, tokens: int | None, otherwise: int = 0) -> int:
        """Return a length in steps, of which the file gave either number or none."""
        given = steps if tokens is None else -(-tokens // self.tokens_per_step)
        return otherwise if given is None else given
