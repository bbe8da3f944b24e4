"""A model that lies in a folder of this machine: where, which files, and its loading with transformers.
Nothing is ever fetched from a hub and no code of the folder is run. Pure."""

import hashlib
import os
from pathlib import Path
from typing import Any

from django.utils.translation import gettext

from core.errors import DomainError
from training_export.steps.base import Means

BLOCK = 1 << 20
# Tokens of a batch with its padding. On a CPU (4 layers of width 256) 1.4 times as fast as single rows, and
# 1.3 times as batches of 2048, whose numbers leave its caches.
BATCH_ON_CPU, BATCH_ON_GPU = 512, 16_384
_digests: dict[tuple, bytes] = {}  # of files seen in this process: {(path, size, time): digest}


def folder_of(given: Any, means: Means) -> Path:
    """The folder of the model a step shall use; DomainError "no_model" where none is named or where there is
    none."""
    named = given or means.model
    if not named:
        raise DomainError("no_model", gettext("Say in which folder the model is."), field="model")
    folder = Path(str(named))
    try:
        if means.models is not None:
            # Whoever edits a recipe says the name: it leads nowhere else.
            folder = (means.models / folder).resolve()
            if not folder.is_relative_to(means.models.resolve()):
                raise ValueError(named)
        found = (folder / "config").with_suffix(".json").is_file()
    except (OSError, ValueError):
        found = False
    if not found:
        raise DomainError(
            "no_model",
            gettext("There is no model in the folder %(folder)s: it has no config.json.")
            % {"folder": str(named)[:200]},
            field="model",
        )
    return folder


def need_torch() -> None:
    """DomainError "no_torch", saying what to install, where PyTorch is not installed."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise DomainError(
            "no_torch",
            gettext(
                "This step reads the rows with a model, and for that PyTorch must be installed where the "
                "worker runs: pip install -r requirements-train.txt (about 2 GB), or pip install torch alone."
            ),
        ) from None


def fingerprint(folder: Path) -> str:
    """32 hex digits of all files of a model's folder, names and contents: weights that were trained on or a
    template that was changed are another model. Hidden files do not count."""
    whole = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            whole.update(os.fsencode(inside.as_posix()) + b"\0" + _digest(path))
    return whole.hexdigest()


def _digest(path: Path) -> bytes:
    told = path.stat()
    seen = (str(path.resolve()), told.st_size, told.st_mtime_ns)
    if seen not in _digests:
        digest = hashlib.blake2b(digest_size=16)
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
        _digests[seen] = digest.digest()
    return _digests[seen]


def config_in(folder: Path) -> Any:
    """What a model says of itself; DomainError "unreadable_model"."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except Exception as wrong:
        raise _unreadable(folder, wrong) from wrong


def tokenizer_in(folder: Path) -> Any:
    """The tokenizer of a model; DomainError "unreadable_model"."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except Exception as wrong:
        raise _unreadable(folder, wrong) from wrong


def model_in(folder: Path, kind: str, precision: str) -> Any:
    """The model of a folder as transformers' Auto class `kind`, in numbers of `precision` (options), on the
    first GPU or else the CPU. DomainError "unreadable_model", or "wrong_model" where weights of that class
    are not in the files: transformers would make them up at random, and every score with them."""
    import torch
    import transformers
    from transformers.utils import logging

    dtype = torch.float64 if precision == "double" else torch.float32
    logging.disable_progress_bar()  # of loading; into the worker's log
    try:
        model, told = getattr(transformers, kind).from_pretrained(
            str(folder), local_files_only=True, dtype=dtype, output_loading_info=True
        )
    except Exception as wrong:
        raise _unreadable(folder, wrong) from wrong
    if told["missing_keys"]:
        raise DomainError(
            "wrong_model",
            gettext("The model in %(folder)s is of another kind: it lacks the weights %(names)s.")
            % {"folder": str(folder)[:200], "names": ", ".join(sorted(told["missing_keys"])[:3])},
            field="model",
        )
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def _unreadable(folder: Path, wrong: Exception) -> DomainError:
    lines = str(wrong).strip().splitlines() or [type(wrong).__name__]
    return DomainError(
        "unreadable_model",
        gettext("The model in %(folder)s cannot be read: %(reason)s")
        % {"folder": str(folder)[:200], "reason": lines[0][:300]},
        field="model",
    )


def batch_tokens_of(model: Any) -> int:
    """How many tokens a batch should have where the model is."""
    return BATCH_ON_CPU if model.device.type == "cpu" else BATCH_ON_GPU


def room_of(model_config: Any, tokenizer: Any, most: int) -> int:
    """How many tokens a model may be given, at most `most`."""
    places = getattr(model_config.get_text_config(), "max_position_embeddings", None) or most
    return min(most, places, getattr(tokenizer, "model_max_length", None) or most)
