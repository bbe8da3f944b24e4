"""Vectors of texts by an embedding model in a folder of this machine: as sentence-transformers stores it, or
a plain encoder of transformers. The folder says how the vectors of the tokens become one: by their mean, or
by the first token's. Pure."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

from core.errors import DomainError
from training_export.steps.base import Means
from training_export.steps.embeddings.characters import unit_rows
from training_export.steps.scoring.local_model import (
    config_in,
    fingerprint,
    folder_of,
    model_in,
    need_torch,
    room_of,
    tokenizer_in,
)

if TYPE_CHECKING:
    import numpy as np

VERSION = 1  # raised whenever the same text may get another vector
MOST_TOKENS = 512  # of a text; the rest of it is not read
BATCH_TOKENS = 8192  # of a batch with its padding
BATCH_TEXTS = 64
_KNOWN_MODULES = ("Transformer", "Pooling", "Normalize")


def vectors(texts: Sequence[str], means: Means) -> "np.ndarray":
    """See `vectors_of`. A text's vector depends on the text and the model alone: each is computed once and
    kept in the cache, batch by batch."""
    import numpy as np

    need_torch()
    folder = folder_of(None, means)
    pooling = pooling_in(folder)
    name = f"embeddings/{VERSION}/{fingerprint(folder)}"
    keys = [hashlib.blake2b(t.encode("utf-8", "surrogatepass"), digest_size=16).digest() for t in texts]
    known = dict(means.cache.get(name, keys))
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    done = len(texts) - len(missing)
    means.progress(done, len(texts))
    for found in _computed(missing, folder, pooling) if missing else ():
        means.cache.put(name, found)
        known |= found
        done += len(found)
        means.progress(done, len(texts))
    if not keys:
        return np.zeros((0, 1), dtype=np.float32)
    return np.frombuffer(b"".join(known[key] for key in keys), dtype="<f4").reshape(len(keys), -1)


def pooling_in(folder: Path) -> str:
    """ "mean" or "cls", as sentence-transformers' files in the folder say; "mean" for a plain encoder.
    DomainError "wrong_model" for a way that is not known here."""
    said = _json_of(folder, "modules")
    if said is None:
        return "mean"
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in said]
    strange = [kind for kind in kinds if kind not in _KNOWN_MODULES]
    settings: dict = {}
    for module, kind in zip(said, kinds, strict=True):
        if kind == "Pooling":
            settings = _json_of(folder / str(module.get("path", "")), "config") or {}
    # up to release 5 one flag for each mode, then the name of the mode
    modes = [name.removeprefix("pooling_mode_") for name, on in settings.items() if on is True]
    modes = [
        {"mean_tokens": "mean", "cls_token": "cls"}.get(mode, mode) for mode in modes if "include" not in mode
    ]
    if isinstance(settings.get("pooling_mode"), str):
        modes = settings["pooling_mode"].split("+")
    if strange or modes not in (["mean"], ["cls"], []):
        raise DomainError(
            "wrong_model",
            gettext("The embedding model in %(folder)s works in a way that is not known here: %(names)s.")
            % {"folder": str(folder)[:200], "names": ", ".join(strange or modes)[:200]},
            field="model",
        )
    return modes[0] if modes else "mean"


def _json_of(folder: Path, name: str) -> Any:
    """What stands in a JSON file of the model's folder, None where there is none."""
    path = folder / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as wrong:
        raise DomainError(
            "unreadable_model",
            gettext("%(file)s of the embedding model cannot be read: %(reason)s")
            % {"file": path.name, "reason": str(wrong)[:200]},
            field="model",
        ) from wrong


def _computed(texts: dict[bytes, str], folder: Path, pooling: str) -> Iterator[dict[bytes, bytes]]:
    """{key: the vector as little-endian 32-bit numbers}, batch by batch, texts of about one length
    together."""
    import torch

    tokenizer, model = tokenizer_in(folder), model_in(folder, "AutoModel", "single")
    limit = _json_of(folder, "sentence_bert_config") or {}
    most = room_of(config_in(folder), tokenizer, min(MOST_TOKENS, limit.get("max_seq_length") or MOST_TOKENS))
    read = tokenizer([_well_formed(text) for text in texts.values()], truncation=True, max_length=most)
    lengths = [len(ids) for ids in read["input_ids"]]
    keys = list(texts)
    for group in _batches(lengths):
        batch = tokenizer.pad({name: [read[name][i] for i in group] for name in read}, return_tensors="pt")
        batch = {name: values.to(model.device) for name, values in batch.items()}
        with torch.inference_mode():
            states = model(**batch).last_hidden_state
        if pooling == "cls":
            found = states[:, 0]
        else:
            mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
            found = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        rows = unit_rows(found.float().cpu().numpy()).astype("<f4")
        yield {keys[i]: row.tobytes() for i, row in zip(group, rows, strict=True)}


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    group: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if group and (len(group) == BATCH_TEXTS or (len(group) + 1) * lengths[group[0]] > BATCH_TOKENS):
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def _well_formed(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
