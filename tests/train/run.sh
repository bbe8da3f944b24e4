#!/bin/sh
# Runs the real trainers on what the formats write. Makes its own virtual environment, `.venv-train` (VENV_TRAIN overrides it).
set -eu
cd "$(dirname "$0")/../.."
venv=${VENV_TRAIN:-.venv-train}
python=${PYTHON:-${VENV:-.venv}/bin/python}
[ -x "$python" ] || python=$(command -v "$python" || command -v python3)
stamp=$venv/requirements.sum
wanted=$(cat requirements.txt requirements-train.txt | cksum)

if [ ! -x "$venv/bin/python" ]; then
    "$python" -m venv "$venv" 2>/dev/null || {
        rm -rf "$venv"
        echo "Cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    }
fi
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    echo "Installing torch and trl into $venv: about 0.7 GB to download and 2 GB on disk with a CPU build of torch;"
    echo "where pip finds only the CUDA build of the same version, about 3 GB to download and 8 GB on disk."
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements-train.txt
    echo "$wanted" >"$stamp"
fi

# Nothing here may reach for a hub, and two cores are enough.
export HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1 TRANSFORMERS_OFFLINE=1 TOKENIZERS_PARALLELISM=false WANDB_DISABLED=true OMP_NUM_THREADS=1
status=0
"$venv/bin/python" -m pytest -m "train and not servers" tests/train "$@" || status=1
if "$venv/bin/python" -m tests.servers chromium postgres redis-server; then
    TEST_DATABASE=postgres "$venv/bin/python" -m pytest -m "train and servers" tests/train "$@" || status=1
else
    echo "== The chat in front of a real model needs Chromium, PostgreSQL and Redis, and is skipped. =="
    case "${CI:-}" in 1|true|TRUE) status=1;; esac
fi
exit $status
