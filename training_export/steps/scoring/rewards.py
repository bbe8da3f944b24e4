"""What a local reward model gives an answer: the one number of a sequence classification model over the whole
conversation, as TRL's RewardTrainer and LLaMA-Factory train it. Pure."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.utils.translation import gettext

from core.errors import DomainError
from training_export.curate.examples import Answer
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
from training_export.steps.scoring.texts import Asked, NotScored, Piece, Texts, asked

VERSION = 1


class Rewards:
    """A reward model and its tokenizer; loaded at the first conversation that the cache does not know."""

    def __init__(
        self, folder: Path, most_tokens: int, precision: str = "double", batch_tokens: int | None = None
    ):
        """DomainError where PyTorch is missing, the folder cannot be read, or the model gives more than one
        number."""
        need_torch()
        config, tokenizer = config_in(folder), tokenizer_in(folder)
        if config.num_labels != 1:
            raise DomainError(
                "wrong_model",
                gettext("The model in %(folder)s is no reward model: it gives %(count)d numbers, not one.")
                % {"folder": str(folder)[:200], "count": config.num_labels},
                field="model",
            )
        self.folder, self.precision, self.batch_tokens = folder, precision, batch_tokens
        self.texts = Texts(tokenizer, room_of(config, tokenizer, most_tokens))
        self.name = f"reward/{VERSION}/{precision}/{fingerprint(folder)}"
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The loaded model."""
        if self._model is None:
            self._model = model_in(self.folder, "AutoModelForSequenceClassification", self.precision)
        return self._model

    def piece(self, example: Any, answer: Answer) -> Piece:
        """The whole conversation as tokens: by the chat template, of which the last that fit are read; where
        there is none, question and answer as the tokenizer joins two texts. As a Piece its types of tokens,
        where it has some, stand in `answer`."""
        said = asked(example, answer)
        if self.texts.has_template:
            ids = self.texts.ids(self._conversation(said, example, answer))
            return Piece(ids[-self.texts.most :], [], max(0, len(ids) - self.texts.most))
        prompt = self.texts.rendered(said.turns, said.tools, generation=False)
        if len(said.turns) == 1:
            prompt = said.turns[0]["content"]
        final = self.texts.answer_text(said, prompt)
        if not final:
            raise NotScored("no_answer")
        whole = self.texts.tokenizer(prompt, final, verbose=False)["input_ids"]
        read = self.texts.tokenizer(
            prompt, final, truncation="longest_first", max_length=self.texts.most, verbose=False
        )
        ids = list(read["input_ids"])
        return Piece(ids, list(read.get("token_type_ids") or []), len(whole) - len(ids))

    def _conversation(self, said: Asked, example: Any, answer: Answer) -> str:
        if not said.final.get("tool_calls") and not said.final["content"]:
            raise NotScored("no_answer")
        try:
            return self.texts.rendered([*said.turns, said.final], said.tools, generation=False)
        except NotScored:
            if said.turns[0]["role"] != "system":
                raise
        said = asked(example, answer, merge=True)
        return self.texts.rendered([*said.turns, said.final], said.tools, generation=False)

    def key(self, piece: Piece) -> bytes:
        """The key of the tokens the model is given."""
        return key_of(piece.context, piece.answer)

    def measured(self, pieces: Sequence[Piece]) -> Iterator[tuple[list[int], list[float]]]:
        """(positions in `pieces`, their rewards), batch by batch."""
        import torch

        # Models that read to the right find the last token by the padding; without a token for it they take
        # one row at a time.
        pad = self.model.config.get_text_config().pad_token_id
        most = 1 if pad is None else self.batch_tokens or batch_tokens_of(self.model)
        for group in batches([len(piece.context) for piece in pieces], most):
            rows = [pieces[place] for place in group]
            longest = max(len(row.context) for row in rows)
            ids = torch.full((len(rows), longest), pad or 0, dtype=torch.long)
            types, mask = torch.zeros_like(ids), torch.zeros_like(ids)
            for place, row in enumerate(rows):
                ids[place, : len(row.context)] = torch.tensor(row.context)
                types[place, : len(row.answer)] = torch.tensor(row.answer, dtype=torch.long)
                mask[place, : len(row.context)] = 1
            device = self.model.device
            given = {"input_ids": ids.to(device), "attention_mask": mask.to(device)}
            if any(row.answer for row in rows):
                given["token_type_ids"] = types.to(device)
            with torch.inference_mode():
                rewards = self.model(**given).logits[:, 0]
            yield group, rewards.double().tolist()
