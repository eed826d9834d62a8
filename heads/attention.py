"""Self-attention inside each utterance of a packed batch; nothing else is ever padded."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medusa.cache import Packed

GROUPS = 4  # length groups per batch: 1.4 x the true work where one group would need 3.3 x
FOLD_ABOVE = 1.6  # tokens per unit of width from which folding one wide head saves work


class PackedAttention(nn.Module):
    """Multi-head self-attention; frames attend to all frames of their own utterance.

    Args:
        width: D.
        heads: number of heads; divides D.
        dropout: on the attention weights.

    Parameters have the names and shapes of `torch.nn.MultiheadAttention`.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Packed) -> Packed:
        """Map (N, D) to (N, D)."""
        tokens, width = x.values.shape
        if self.heads == 1 and tokens > FOLD_ABOVE * width:
            return self.folded(x)
        return self.plain(x)

    def plain(self, x: Packed) -> Packed:
        """Project to queries, keys and values, attend, project back."""
        projected = F.linear(x.values, self.in_proj_weight, self.in_proj_bias)
        attended = self._attend(x.like(projected))
        return x.like(self.out_proj(attended.values))

    def folded(self, x: Packed) -> Packed:
        """The same for one head with fewer products.

        softmax((x Wq' + bq)(x Wk' + bk)') depends on M = Wq' Wk and c = Wk' bq alone: what bk adds
        is the same for all keys. The output map is folded into the values: Wo Wv.
        """
        wq, wk, wv = self.in_proj_weight.chunk(3)
        bq, _, bv = self.in_proj_bias.chunk(3)
        wo = self.out_proj.weight
        queries = F.linear(x.values, (wq.T @ wk).T, wk.T @ bq)
        values = F.linear(x.values, wo @ wv, wo @ bv)
        parts = torch.cat([queries, x.values.to(queries.dtype), values], dim=1)
        return x.like(self._attend(x.like(parts)).values + self.out_proj.bias)

    def _attend(self, x: Packed) -> Packed:
        """Attend within each utterance: queries, keys and values side by side, (N, 3 D), to (N, D).

        Utterances of similar length are padded together.
        """
        pieces = x.split()
        attended: list[Tensor] = list(pieces)
        for group in length_groups(x.lengths):
            part = Packed.of([pieces[i] for i in group])
            for i, piece in zip(group, self._attend_padded(part).split(), strict=True):
                attended[i] = piece
        return x.like(torch.cat(attended))

    def _attend_padded(self, part: Packed) -> Packed:
        padded, mask = part.pad()
        b, t, _ = padded.shape
        q, k, v = padded.view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        keys = mask[:, None, None, :]
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=keys, dropout_p=dropout)
        return part.like(out.transpose(1, 2).reshape(b, t, -1)[mask])


def length_groups(lengths: Tensor) -> list[list[int]]:
    """Split the utterances' numbers into at most `GROUPS` groups of similar length."""
    order = torch.argsort(lengths, stable=True)
    return [group.tolist() for group in order.tensor_split(min(GROUPS, len(lengths)))]
