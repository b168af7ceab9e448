# shellcheck shell=bash
# Sourced by setup and bundle-dependencies: where Debian's packages come from. Catch2 3 is in no main
# suite of Debian 12, only in its backports, which a plain install does not take it from.

is_debian_12() { (. /etc/os-release && [[ "$ID $VERSION_ID" == "debian 12" ]]); }

# Replaces catch2 in a list of packages by what is to be installed here. Prints one package a line.
resolve_packages() {
  local package
  for package in "$@"; do
    if [[ $package == catch2 ]] && is_debian_12; then
      printf '%s\n' catch2/bookworm-backports libcatch2-dev/bookworm-backports
    else
      echo "$package"
    fi
  done
}

# Prints the shell commands that add the backports to the sources in a folder like /etc/apt; none where
# they are not needed. The entry of the main suite is copied, so both come from the same place.
backports_commands() {
  local folder=$1
  if ! is_debian_12 || grep -qsrE '^[^#]*bookworm-backports' "$folder/sources.list" "$folder/sources.list.d"; then
    return
  fi
  if [[ -e $folder/sources.list.d/debian.sources ]]; then
    cat <<END
awk 'BEGIN {RS = ""; ORS = "\n\n"} NR == 1' $folder/sources.list.d/debian.sources |
  sed 's/^Suites:.*/Suites: bookworm-backports/' >$folder/sources.list.d/backports.sources
END
  else
    cat <<END
sed -n 's/^deb \(.*\) bookworm main.*/deb \1 bookworm-backports main/p' $folder/sources.list |
  head -n 1 >$folder/sources.list.d/backports.list
END
  fi
}
