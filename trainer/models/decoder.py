"""OLMo 2 and OLMoE, with the module names of Hugging Face's `Olmo2ForCausalLM` and `OlmoeForCausalLM`.

A block of OLMo 2 is x + norm(attention(x)), then x + norm(swiglu(x)): the norms stand on what a sublayer gives (OLMo
team, 2024, "2 OLMo 2 Furious", section 2.1). A block of OLMoE has them before: x + attention(norm(x)), then
x + experts(norm(x)). No biases, no dropout, an untied head.

B = instances, T = tokens of each, C = hidden_size.
"""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from trainer.models.attention import Attention, rotary_tables
from trainer.models.documents import Documents
from trainer.models.head import Losses, LossHead
from trainer.models.norm import RMSNorm
from trainer.models.past import Past
from trainer.models.presets import ModelShape
from trainer.models.swiglu import RoutedSwiGLU, SwiGLU

INIT_STD = 0.02
INIT_CUT = 3.0  # in standard deviations


class Olmo2Block(nn.Module):
    """One layer with norms on what the sublayers give; the unit that is compiled, sharded and computed again."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RMSNorm(shape.hidden_size, shape.norm_eps)
        self.mlp = SwiGLU(shape)
        self.post_feedforward_layernorm = RMSNorm(shape.hidden_size, shape.norm_eps)

    def forward(
        self, hidden: Tensor, cos: Tensor, sin: Tensor, documents: Documents | Past | None
    ) -> tuple[Tensor, None]:
        """Return the states after this layer, and None."""
        hidden = hidden + self.post_attention_layernorm(self.self_attn(hidden, cos, sin, documents))
        normed: Tensor = self.post_feedforward_layernorm(self.mlp(hidden))
        return hidden + normed, None


class OlmoeBlock(nn.Module):
    """The same with norms on what the sublayers get, and experts in place of the one SwiGLU."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(shape.hidden_size, shape.norm_eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RMSNorm(shape.hidden_size, shape.norm_eps)
        self.mlp = RoutedSwiGLU(shape)

    def forward(
        self, hidden: Tensor, cos: Tensor, sin: Tensor, documents: Documents | Past | None
    ) -> tuple[Tensor, Tensor]:
        """Return the states after this layer, and the losses of its router, shape (2,)."""
        hidden = hidden + self.self_attn(self.input_layernorm(hidden), cos, sin, documents)
        transformed, losses = self.mlp(self.post_attention_layernorm(hidden))
        return hidden + transformed, losses


class Decoder(nn.Module):
    """Embedding, layers and the last norm.

    Attributes:
        recomputes: keep of each layer only its input for the backward pass, and compute the layer again there.
    """

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        block = OlmoeBlock if shape.num_experts else Olmo2Block
        self.embed_tokens = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.layers = nn.ModuleList(block(shape) for _ in range(shape.num_layers))
        self.norm = RMSNorm(shape.hidden_size, shape.norm_eps)
        self.recomputes = False

    def forward(self, tokens: Tensor, documents: Documents | None = None) -> Tensor:
        """Return the normed states of tokens (B, T), shape (B, T, C)."""
        return self.states(tokens, documents)[0]

    def states(self, tokens: Tensor, documents: Documents | None) -> tuple[Tensor, Tensor | None]:
        """Return the normed states of tokens (B, T), shape (B, T, C), and the routers' losses, shape (2,), or None.

        The losses are means over the layers: load balancing, then z-loss; see `router_losses`.
        """
        cos, sin = rotary_tables(tokens.shape[1], self.shape.head_dim, self.shape.rope_theta, tokens.device)
        hidden = self.embed_tokens(tokens)
        of_routers = []
        for layer in self.layers:
            if self.recomputes:
                # No layer draws random numbers, so there is no state of a generator to keep.
                hidden, losses = checkpoint(
                    layer, hidden, cos, sin, documents, use_reentrant=False, preserve_rng_state=False
                )
            else:
                hidden, losses = layer(hidden, cos, sin, documents)
            of_routers.append(losses)
        normed: Tensor = self.norm(hidden)
        return normed, torch.stack(of_routers).mean(0) if self.shape.num_experts else None


class LanguageModel(nn.Module):
    """The whole model: `model` and `lm_head`, as Hugging Face names them."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Decoder(shape)
        self.lm_head = LossHead(shape.hidden_size, shape.vocab_size)

    def forward(self, tokens: Tensor, labels: Tensor, z_loss: float, documents: Documents | None = None) -> Losses:
        """Return the losses of tokens (B, T) against labels (B, T), both int64; see `LossHead.forward`."""
        hidden, of_routers = self.model.states(tokens, documents)
        losses: Losses = self.lm_head(hidden, labels, z_loss)
        return losses._replace(router=of_routers)

    def losses_at(self, tokens: Tensor, places: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy of single labels in nats, shape (N,), float32.

        Args:
            tokens: shape (B, T), int64.
            places: of the labels among the B * T tokens, in any order and number, shape (N,), int64.
            labels: what follows the tokens at these places, shape (N,), int64.
        """
        hidden = self.model(tokens).flatten(0, 1)[places]
        losses: Losses = self.lm_head(hidden.unsqueeze(1), labels.unsqueeze(1), 0.0)
        return losses.nll

    def logits(self, tokens: Tensor, documents: Documents | None = None) -> Tensor:
        """Return the logits of tokens (B, T), shape (B, T, vocab_size); for weights that are not sharded."""
        return self.lm_head.logits(self.model(tokens, documents))


def initial_weights(name: str, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Return the weights that a parameter starts from, float32 on the CPU.

    Norms are 1; every matrix is normal with mean 0 and standard deviation INIT_STD, cut at INIT_CUT of them, whatever
    its depth (OLMo team, 2024, section 3.2).
    """
    weights = torch.empty(shape, dtype=torch.float32)
    if name.endswith("norm.weight"):
        return nn.init.ones_(weights)
    # What lies outside is drawn again: a quarter of the time of `nn.init.trunc_normal_`, minutes for a large model.
    flat = weights.view(-1).normal_(std=INIT_STD, generator=generator)
    outside = (flat.abs() > INIT_CUT * INIT_STD).nonzero().squeeze(1)
    while len(outside):
        flat[outside] = torch.empty(len(outside)).normal_(std=INIT_STD, generator=generator)
        outside = outside[flat[outside].abs() > INIT_CUT * INIT_STD]
    return weights
