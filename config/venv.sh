# Called by make: `venv.sh make` makes the virtual environment, `venv.sh install FILE` installs a requirements file into it.
# Where the machine lacks something, the command that installs it is named.
set -eu
VENV=${VENV:-.venv}

make_venv() {
  if [ -z "${PYTHON:-}" ]; then
    have=$(python3 -c 'import platform; print(platform.python_version())' 2>/dev/null || echo none)
    echo "Touchstone needs Python 3.11 or later; found: $have." >&2
    echo "Install it (Debian 12, Ubuntu 24.04 and later: sudo apt-get install python3 python3-venv; macOS: brew install python@3.12)," >&2
    echo "or name one: make PYTHON=/path/to/python3.12 …" >&2
    exit 1
  fi
  version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Touchstone needs Python 3.11 or later; $PYTHON is $version. Name another: make PYTHON=/path/to/python3.12 …" >&2
    exit 1
  fi
  if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "Python $version is here, but without its venv module. Install it: sudo apt-get install python3-venv" >&2
    echo "(for a Python that is not the system's own: sudo apt-get install python$version-venv)" >&2
    exit 1
  fi
  echo "Making the virtual environment $VENV with Python $version …"
  rm -rf "$VENV"
  "$PYTHON" -m venv "$VENV" || { rm -rf "$VENV"; exit 1; }
}

install() {
  # pip's own words go to a log; the screen shows what is being fetched, on one line of a terminal
  log=$VENV/install.log
  { "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off -r "$1" 2>&1; echo "status=$?"; } | tee "$log" | awk -v tty="$([ -t 1 ] && echo 1 || echo 0)" '
    /^Collecting / { n++; if (tty) printf "\r\033[K  %d  %s", n, $2; else if (n % 10 == 1) printf "  %d packages … %s\n", n, $2; fflush() }
    /^Installing collected packages/ { if (tty) printf "\r\033[K"; print "  installing " n " packages …"; fflush() }
    /^ERROR|^error/ { if (tty) printf "\r\033[K"; print; fflush() }'
  if ! grep -q '^status=0$' "$log"; then
    echo "pip could not install $1; all it said is in $log" >&2
    exit 1
  fi
}

case $1 in
  make) make_venv ;;
  install) install "$2" ;;
esac
