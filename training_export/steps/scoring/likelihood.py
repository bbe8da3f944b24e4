"""How likely a local language model finds an answer: the mean negative log-likelihood of its tokens, in nats.

    mean NLL = -(1/N) · Σ log P(a_i | context, a_<i)   over the N tokens of the answer

the s(A|Q) of Cherry-LLM (arXiv 2308.12032), and with its sign turned the score of Nuggets (arXiv 2312.10302).
Rows of a batch are padded on the right: no token attends to what comes after it, so padding changes no score;
in double precision the rounding of another batch is below 1e-12. Pure."""

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from training_export.steps.scoring.batches import batches, key_of
from training_export.steps.scoring.local_model import (
    batch_tokens_of,
    config_in,
    fingerprint,
    model_in,
    need_torch,
    room_of,
    tokenizer_in,
)
from training_export.steps.scoring.texts import Piece, Texts

VERSION = 1  # raised whenever the same tokens may get another score
MOST_LOGITS = 1 << 26  # of a batch, 8 bytes each: a vocabulary of 150,000 fills memory before the model does
AT_ONCE = 128  # positions whose logits are summed up in 64 bits
WORTH_SHARING = 16  # tokens of a common beginning from which on reading it once is faster


class Likelihood:
    """A language model and its tokenizer. The model itself is loaded at the first piece that the cache does
    not know."""

    def __init__(
        self, folder: Path, most_tokens: int, precision: str = "double", batch_tokens: int | None = None
    ):
        """DomainError where PyTorch is missing or the folder cannot be read."""
        need_torch()
        config, tokenizer = config_in(folder), tokenizer_in(folder)
        self.folder, self.precision, self.batch_tokens = folder, precision, batch_tokens
        self.texts = Texts(tokenizer, room_of(config, tokenizer, most_tokens))
        self.name = f"likelihood/{VERSION}/{precision}/{fingerprint(folder)}"
        self._model: Any = None
        self._keeps_logits = False

    def key(self, piece: Piece) -> bytes:
        """The key of the tokens the model is given."""
        return key_of(piece.context, piece.answer)

    @property
    def model(self) -> Any:
        """The loaded model."""
        if self._model is None:
            import inspect

            self._model = model_in(self.folder, "AutoModelForCausalLM", self.precision)
            self._keeps_logits = "logits_to_keep" in inspect.signature(self._model.forward).parameters
        return self._model

    def measured(self, pieces: Sequence[Piece]) -> Iterator[tuple[list[int], list[float]]]:
        """(positions in `pieces`, their mean NLL), batch by batch."""
        lengths = [len(piece.context) + len(piece.answer) for piece in pieces]
        for group in batches(lengths, self._most_of_a_batch()):
            yield group, self._mean_nlls([pieces[place] for place in group])

    def measured_by_prefix(self, pieces: Sequence[Piece]) -> Iterator[tuple[list[int], list[float]]]:
        """As `measured`, for pieces that begin alike: the beginning is read once and its keys and values are
        used by all. Pieces that do not, and models that attend otherwise than to all that came before, go
        the other way."""
        common = shared([piece.context for piece in pieces])
        if len(pieces) < 2 or common < WORTH_SHARING:
            yield from self.measured(pieces)
            return
        import torch
        from transformers.cache_utils import DynamicLayer

        ids = torch.tensor([pieces[0].context[:common]], device=self.model.device)
        with torch.inference_mode():
            past = self.model(input_ids=ids, use_cache=True, **self._kept(1)).past_key_values
        if any(type(layer) is not DynamicLayer for layer in getattr(past, "layers", None) or [None]):
            yield from self.measured(pieces)
            return
        lengths = [len(piece.context) + len(piece.answer) for piece in pieces]
        # what is computed grows with what is read, what is held with the whole
        weights = [max(length - common, length // 8) for length in lengths]
        for group in batches(weights, self._most_of_a_batch()):
            mine = copy.deepcopy(past)
            mine.batch_repeat_interleave(len(group))
            yield group, self._mean_nlls([pieces[place] for place in group], mine, common)

    def _most_of_a_batch(self) -> int:
        words = self.model.config.get_text_config().vocab_size
        most = self.batch_tokens or batch_tokens_of(self.model)
        return min(most, max(1, MOST_LOGITS // words))

    def _kept(self, positions: int) -> dict[str, int]:
        return {"logits_to_keep": positions} if self._keeps_logits else {}

    def _mean_nlls(self, pieces: list[Piece], past: Any = None, common: int = 0) -> list[float]:
        import torch

        rows = [[*piece.context, *piece.answer][common:] for piece in pieces]
        longest = max(map(len, rows))
        ids = torch.zeros((len(rows), longest), dtype=torch.long)
        mask = torch.zeros((len(rows), common + longest), dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row)
            mask[place, : common + len(row)] = 1
        # the logits at a token are of the one after it
        firsts = [len(piece.context) - common - 1 for piece in pieces]
        device = self.model.device
        more = {"past_key_values": past, "use_cache": True} if past is not None else {"use_cache": False}
        with torch.inference_mode():
            logits = self.model(
                input_ids=ids.to(device), attention_mask=mask.to(device), **more,
                **self._kept(longest - min(firsts)),
            ).logits  # fmt: skip
            left_out = longest - logits.shape[1]
            return [
                self._sum(logits[place, first - left_out :], piece.answer) / len(piece.answer)
                for place, (first, piece) in enumerate(zip(firsts, pieces, strict=True))
            ]

    @staticmethod
    def _sum(logits: Any, answer: list[int]) -> float:
        """Σ -log P of the tokens of `answer`, in 64 bits."""
        import torch

        total = 0.0
        for at in range(0, len(answer), AT_ONCE):
            tokens = torch.tensor(answer[at : at + AT_ONCE], device=logits.device)
            some = logits[at : at + len(tokens)].double()
            given = some.gather(1, tokens[:, None])[:, 0]
            total += float((some.logsumexp(1) - given).sum())
        return total


def shared(contexts: Sequence[list[int]]) -> int:
    """How many tokens all contexts begin with, but for the last of each: its logits are of the answer."""
    least, most = min(contexts, default=[]), max(contexts, default=[])
    limit = min((len(context) for context in contexts), default=1) - 1
    for place in range(limit):
        if least[place] != most[place]:
            return place
    return max(0, limit)
