#!/usr/bin/env bash
# Installs a build into a folder, moves that, and runs the program from there: no library but the
# system's may come from elsewhere, and a user who may read nothing of the builder's must be able to run it.
# Usage: install_test.sh BUILD_DIR
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
umask 022
cmake --install "$1" --prefix "$work/first" >"$work/log" || { cat "$work/log" && exit 1; }
mv "$work/first" "$work/moved"
program=$work/moved/bin/longspan

elsewhere=$(ldd "$work/moved/libexec/longspan" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | xargs -n 1 realpath |
  grep -v -e "^$work/moved/lib/longspan/" -e '^/usr/lib/' -e '^/lib' || true)
if [[ -n $elsewhere ]]; then
  echo "an installed program must bring what is not the system's, it takes $elsewhere"
  exit 1
fi

as_other=()
if [[ $(id -u) == 0 ]] && command -v setpriv >/dev/null; then
  as_other=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent)
fi
cd /
"${as_other[@]}" "$program" --version
"${as_other[@]}" "$program" plan --help >/dev/null
test -f "$work/moved/share/longspan/paper/wikitext103.json"
