# What the tests need of the machine itself, beside Python: PostgreSQL, Redis, Chromium and a Chinese font.
# On a Debian of which we are root, or may be without a password, they are installed, and it is said which;
# anywhere else they are named. Called by `make test` and `make test-train`, so that neither needs a page of instructions.
set -u

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo -n "$@"
  else return 1; fi
}

lacking() {
  command -v redis-server >/dev/null 2>&1 || echo redis-server
  command -v postgres >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || echo postgresql
  command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 \
    || command -v google-chrome >/dev/null 2>&1 || command -v google-chrome-stable >/dev/null 2>&1 || echo chromium
  ls /usr/share/fonts/truetype/wqy/wqy-microhei.ttc >/dev/null 2>&1 \
    || fc-list 2>/dev/null | grep -qiE 'CJK|wqy|PingFang|Hiragino' || echo fonts-wqy-microhei
}

packages=$(lacking | tr '\n' ' ' | sed 's/ $//')
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1 || ! as_root true; then
  echo "The tests need more than this machine has: $packages"
  echo "On Debian and Ubuntu: sudo apt-get install $packages"
  echo "What needs them is skipped."
  exit 0
fi

echo "Installing for the tests: $packages (apt-get, as root) …"
export DEBIAN_FRONTEND=noninteractive
as_root apt-get update -qq || echo "apt-get update failed; trying with what is known" >&2
# Debian's PostgreSQL would start a server of its own at once: the tests start theirs.
if ! [ -e /etc/postgresql-common/createcluster.conf ]; then
  as_root mkdir -p /etc/postgresql-common
  echo "create_main_cluster = false" | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
# shellcheck disable=SC2086
as_root apt-get install -y -qq --no-install-recommends $packages >/dev/null || {
  echo "could not install: $packages" >&2
  # The tests say themselves what they skip; where nothing may be skipped, that is a failure.
  exit 0
}
