"""Self-attention inside each utterance of a packed batch; nothing else is ever padded."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medusa.cache import Packed

GROUPS = 4  # length groups per batch: 1.4 x the true work where one group would need 3.3 x


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
        projected = F.linear(x.values, self.in_proj_weight, self.in_proj_bias)
        pieces = x.like(projected).split()
        attended: list[Tensor] = [projected] * len(pieces)
        for group in length_groups(x.lengths):
            part = Packed.of([pieces[i] for i in group])
            for i, piece in zip(group, self._attend(part).split(), strict=True):
                attended[i] = piece
        return x.like(self.out_proj(torch.cat(attended)))

    def _attend(self, part: Packed) -> Packed:
        """Attend within utterances of similar length: (n, 3 D) to (n, D)."""
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
