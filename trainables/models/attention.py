"""Attention as all encoders here compute it: by the dropout module of the recipe, or without scores kept in memory.

On a CPU, tokens without padding go through a kernel of their own, which keeps no scores whatever is dropped, and
attention is in fp32 where the rest is in bf16.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from trainables.models import native
from trainables.models.packing import Packing

ATTENTION = "xstilts"
"""The name by which transformers knows this implementation."""
OWN, GIVEN = "dropout", "weights_dropout"
"""What attention's dropout is called: by an architecture that has a module for it, or here where it has none."""


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float | Tensor = 0.0,
    position_bias: Tensor | None = None,
    packing: Packing | None = None,
    **_: object,
) -> tuple[Tensor, None]:
    """Attention by the interface of transformers.

    Args:
        module: the layer; its child `dropout` or `weights_dropout` drops attention weights.
        query, key, value: (sequences, heads, tokens, width of a head); with `packing` (1, heads, tokens, width). Keys
            and values may have fewer heads, each of which serves as many of the query's, in their order.
        attention_mask: added to the scores.
        scaling: multiplies the scores; without it, 1 / sqrt(width of a head).
        dropout: unused, as the module says it.
        position_bias: added to the scores too.
        packing: how the tokens are packed, if they are.

    Returns the values (sequences, tokens, heads, width), packed as `query` was.
    """
    if query.device.type == "cpu" and (torch.is_autocast_enabled("cpu") or query.dtype == torch.bfloat16):
        # torch's attention in bf16 takes a CPU longer, backwards, than all else of a layer. Rotated positions make
        # queries and keys fp32 before autocast sees them.
        wide = query.float(), key.float(), value.float()
        mask, position = (None if bias is None else bias.float() for bias in (attention_mask, position_bias))
        with torch.autocast("cpu", enabled=False):
            states = attention(module, *wide, mask, scaling, position_bias=position, packing=packing)[0]
        return states.to(torch.bfloat16), None
    scale = query.size(-1) ** -0.5 if scaling is None else scaling
    drop = weights_dropout(module)
    if query.size(1) != key.size(1):
        key, value = (x.repeat_interleave(query.size(1) // key.size(1), dim=1) for x in (key, value))
    if packing is not None and native.takes(query):
        query, key, value = (x.transpose(1, 2).squeeze(0) for x in (query, key, value))
        dropped = getattr(drop, "by_sequence", None)  # an encoder that is not trained has another module there
        return native.attention(query, key, value, packing.starts, scale, dropped).unsqueeze(0), None
    if packing is not None:
        query, key, value = (packing.unpack(x.transpose(1, 2)).transpose(1, 2) for x in (query, key, value))
        attention_mask = packing.attention_bias(query.dtype)
    bias = attention_mask
    if position_bias is not None:
        bias = position_bias if attention_mask is None else position_bias + attention_mask
    if drop.training and getattr(drop, "p", 0.0) > 0:
        scores = torch.matmul(query, key.transpose(2, 3)) * scale
        weights = drop(F.softmax(scores if bias is None else scores + bias, dim=-1))
        states = torch.matmul(weights, value)
    else:
        states = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=scale)
    states = states.transpose(1, 2)
    return (states if packing is None else packing.pack(states)).contiguous(), None


def weights_dropout(module: nn.Module) -> nn.Module:
    """The child of an attention layer that drops its weights; it has a probability `p`."""
    own = getattr(module, OWN, None)
    return own if isinstance(own, nn.Module) else module.get_submodule(GIVEN)


AttentionInterface.register(ATTENTION, attention)
AttentionMaskInterface.register(ATTENTION, eager_mask)
