"""Run by LLaMA-Factory's own Python: which tool definitions all of its tool formats can put into words.

python llamafactory_formats.py < JSON list of entries of a `tools` column → one JSON line: for each, the
formats that fail on it."""

import json
import sys


def main() -> None:
    from llamafactory.data.formatter import ToolFormatter
    from llamafactory.data.tool_utils import TOOLS

    failing = []
    for function in json.load(sys.stdin):
        failing.append([])
        for name in TOOLS:
            try:
                ToolFormatter(tool_format=name).apply(content=json.dumps([function]))
            except Exception as wrong:
                failing[-1].append(f"{name}: {type(wrong).__name__}")
    print("RESULT " + json.dumps(failing))


if __name__ == "__main__":
    import llamafactory_rows  # noqa: F401  # puts stand-ins in the place of wheels that load only beside a CUDA torch

    main()
