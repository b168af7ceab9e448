#!/usr/bin/env bash
# Checks what scripts/sbom prints: the fields that CycloneDX and we require, and each pin of third_party
# once. Then pins that it must refuse, and a new one that it must have.
# Usage: sbom_test.sh SOURCE_DIR
set -euo pipefail
source_dir=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/scripts"
cp "$source_dir/scripts/sbom" "$work/scripts/"
cp -r "$source_dir/third_party" "$source_dir/CMakeLists.txt" "$work/"
lock=$work/third_party/wheels/libtorch-cpu.lock
list=$work/third_party/debian-packages.txt
failures=0

fault() {
  echo "$1"
  failures=$((failures + 1))
}

# Names each fault of the list in FILE, which must have the pins in third_party of DIR.
check_list() {  # FILE DIR
  python3 - "$@" <<'END'
import collections, json, pathlib, re, sys
document, third_party = json.load(open(sys.argv[1])), pathlib.Path(sys.argv[2]) / "third_party"
faults = []
def must(holds, text):
    if not holds:
        faults.append(text)
must((document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5"), "it must say what it is")
must(type(document["version"]) is int and document["version"] >= 1, "its version must be a whole number from 1")
must(document["metadata"]["component"]["name"] == "longspan", "it must be about longspan")
must(re.fullmatch(r"[0-9.]+", document["metadata"]["component"]["version"]), "longspan must have a version")
components = document["components"]
for part in components:
    name = part.get("name")
    for key in ("type", "bom-ref", "name", "version", "purl", "licenses", "properties"):
        must(part.get(key), f"{name} must have {key}")
    must(part["type"] == "library", f"{name} must be a library")
    must(part["purl"].startswith(("pkg:pypi/", "pkg:deb/")), f"{name} must say where it comes from")
    must(all(entry["license"].get("name", "").strip() for entry in part["licenses"]), f"{name} must have a licence")
    must(all(hash["alg"] == "SHA-256" and re.fullmatch("[0-9a-f]{64}", hash["content"]) for hash in part.get("hashes", [])),
         f"{name} must have well-formed hashes")
references = collections.Counter(part["bom-ref"] for part in components)
must(max(references.values()) == 1, "a reference must be there once")
wheels = {tuple(re.split("==| --hash=sha256:", line.strip())) for lock in third_party.glob("wheels/*.lock") for line in open(lock)}
found = collections.Counter((part["name"], part["version"], part["hashes"][0]["content"])
                            for part in components if part["purl"].startswith("pkg:pypi/"))
must(found == collections.Counter(wheels), f"each pinned wheel must be there once, differing: {wheels ^ set(found)}")
packages = [line.split()[0] for line in open(third_party / "debian-packages.txt") if not line.startswith("#")]
found = [part["name"] for part in components if part["purl"].startswith("pkg:deb/")]
must(found == packages, f"each system package must be there once, differing: {set(found) ^ set(packages)}")
stated = re.search(r"LONGSPAN_TORCH_VERSION (\S+)\)", (third_party / "Torch.cmake").read_text()).group(1)
must(("torch", stated) in {wheel[:2] for wheel in wheels}, f"the wheel must be of the version in Torch.cmake, {stated}")
print("\n".join(faults), end="\n" if faults else "")
sys.exit(bool(faults))
END
}

expect_refusal() {  # a text that the error must have; the pins are then as they were
  local code=0 output
  output=$("$work/scripts/sbom" 2>&1) || code=$?
  if ((code == 0)) || [[ $output != *"$1"* ]]; then
    fault "it must refuse with \"$1\", got $code and: $(tail -n 1 <<<"$output")"
  fi
  cp -r "$source_dir/third_party/." "$work/third_party/"
}

"$source_dir/scripts/sbom" >"$work/list.json"
check_list "$work/list.json" "$source_dir" || fault "the list has faults"
"$source_dir/scripts/sbom" | cmp - "$work/list.json" || fault "two lists must be equal"

echo "torch-extra==1.0 --hash=sha256:$(printf '%064d' 7)" >>"$lock"
echo "libextra-dev  needed  command  extra" >>"$list"
"$work/scripts/sbom" >"$work/more.json"
check_list "$work/more.json" "$work" || fault "a list with more pins has faults"
if check_list "$work/list.json" "$work" >/dev/null; then
  fault "a list that lacks a pin must fail the check"
fi
cp -r "$source_dir/third_party/." "$work/third_party/"

echo "torch-extra==1.0" >>"$lock"
expect_refusal "libtorch-cpu.lock: line 4 must be NAME==VERSION --hash=sha256:HASH, got: torch-extra==1.0"
sed -i '1s/[0-9a-f]\{4\}$/0000/' "$lock"
expect_refusal "must pin torch as the other sets do"
sed -i '1p' "$lock"
expect_refusal "libtorch-cpu.lock: line 2 must pin a package once, got again: torch"
echo "git needed command git" >>"$list"
expect_refusal "a row must have four fields and a package of its own, got: git needed"
exit $((failures > 0))
