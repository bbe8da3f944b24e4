"""Parts of trainers that cannot be installed beside this TRL, taken out of their wheels by themselves.

TRAINER_SOURCES names a folder with the unpacked wheels (pip download --no-deps ms-swift==4.6.0
openrlhf==0.11.2 axolotl==0.19.0, unzip each), and in `site` what Axolotl imports (pip install --no-deps
--target site addict colorama). Nothing of a trainer is run but what turns rows into tokens; what it imports
beside that is replaced by names that do nothing."""

import contextlib
import importlib.util
import logging
import os
import sys
import types
from pathlib import Path

import pytest

needs_sources = pytest.mark.skipif(
    not os.environ.get("TRAINER_SOURCES"), reason="TRAINER_SOURCES names no folder with unpacked wheels"
)


def package(name: str) -> Path:
    """The folder of the package `name` in the unpacked wheels."""
    return sorted(Path(os.environ["TRAINER_SOURCES"]).glob(f"**/{name}/__init__.py"))[0].parent


class Stand(types.ModuleType):
    """A module that has every name, as something that can be called and does nothing."""

    __path__: list = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__init__": lambda self, *args, **given: None})


@contextlib.contextmanager
def standing_in(**modules):
    """sys.modules with these (dots written as two underscores; None: a module that has every name);
    afterwards nothing of their packages is left there."""
    roots = {name.partition("__")[0] for name in modules}
    for name, given in modules.items():
        dotted = name.replace("__", ".")
        made = Stand(dotted)
        for key, value in (given or {}).items():
            setattr(made, key, value)
        sys.modules[dotted] = made
    try:
        yield
    finally:
        for name in [n for n in sys.modules if n.partition(".")[0] in roots]:
            del sys.modules[name]


def loaded(path: Path, name: str):
    """The module in the file `path`, under `name`."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def openrlhf(name: str):
    """openrlhf/datasets/NAME.py."""
    utils = {"zero_pad_sequences": None}
    with standing_in(
        openrlhf=None, openrlhf__utils=None, openrlhf__utils__utils=utils, openrlhf__datasets=None
    ):
        loaded(package("openrlhf") / "datasets" / "utils.py", "openrlhf.datasets.utils")
        return loaded(package("openrlhf") / "datasets" / f"{name}.py", f"openrlhf.datasets.{name}")


@contextlib.contextmanager
def swift():
    """(swift/dataset/preprocessor/core.py, swift/loss_scale/base.py) to be used inside."""
    root = package("swift")
    own = {"get_logger": logging.getLogger, "is_dist": lambda: False, "is_master": lambda: True}
    own["safe_ddp_context"] = lambda *given: contextlib.nullcontext()
    kinds = type("ContextType", (), {"RESPONSE": "response", "SUFFIX": "suffix", "OTHER": "other"})
    template = {"ContextType": kinds, "get_last_user_round": _last_user}
    template |= {"MaxLengthError": type("MaxLengthError", (ValueError,), {})}
    names = ["swift", "swift__dataset", "swift__dataset__preprocessor", "swift__dataset__utils"]
    names += ["swift__loss_scale", "swift__loss_scale__utils", "swift__template__template_inputs"]
    names += ["modelscope", "modelscope__hub", "modelscope__hub__utils", "modelscope__hub__utils__utils"]
    with standing_in(**dict.fromkeys(names), swift__utils=own, swift__template=template):
        schema = loaded(root / "utils" / "schema_utils.py", "swift.utils.schema_utils")
        for name in ("TOOL_KEYS", "remove_arrow_padding"):
            setattr(sys.modules["swift.utils"], name, getattr(schema, name))
        core = loaded(root / "dataset" / "preprocessor" / "core.py", "swift.dataset.preprocessor.core")
        yield core, loaded(root / "loss_scale" / "base.py", "swift.loss_scale.base")


def _last_user(messages, *, include_tool: bool = True) -> int:
    roles = ("user", "tool") if include_tool else ("user",)
    return max((i for i, m in enumerate(messages) if m["role"] in roles), default=-1)


def axolotl(*names: str):
    """The modules axolotl/prompt_strategies/NAME."""
    roots = [str(package("axolotl").parent), str(Path(os.environ["TRAINER_SOURCES"]) / "site")]
    sys.path[:0] = roots
    try:
        return [importlib.import_module(f"axolotl.prompt_strategies.{name}") for name in names]
    finally:
        for root in roots:
            sys.path.remove(root)
