"""A BiLSTM that replaces a transformer layer, as in DHF, the predecessor of DeepSER."""

from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence, unpack_sequence

from medusa.cache import Packed
from medusa.heads.config import HeadConfig
from medusa.heads.networks.dropout import Dropout


class RecurrentLayer(nn.Module):
    """Run a bidirectional LSTM over each utterance, with half the width in each direction.

    Args:
        config: D is its `width`, an even number. `dropout` is that of the output.
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.lstm = nn.LSTM(config.width, config.width // 2, bidirectional=True)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Packed) -> Packed:
        """Map (N, D) to (N, D)."""
        found: PackedSequence = self.lstm(sequence(x))[0]
        return x.like(self.dropout(Packed.of(unpack_sequence(found)).values))


def sequence(x: Packed) -> PackedSequence:
    """Convert packed utterances to the input type of PyTorch's recurrent layers."""
    return pack_sequence(list(x.split()), enforce_sorted=False)
