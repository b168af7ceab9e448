# The rules of scripts/check-layers for what a file includes; module_table.awk has the modules. Standard input
# names the files, one a line.

function violation(text) {
  printf "%s:%d: %s\n", file, line, text
  violations++
}

function read_packages(    lines, words, count, i) {
  count = split(packages, lines, "\n")
  for (i = 1; i <= count; i++)
    if (split(lines[i], words, " ") == 2) owner[words[1]] = words[2]
}

# The entry of the table of packages that an <include> falls under, or "".
function package_of(path,    prefix, best) {
  best = ""
  for (prefix in owner) {
    if (prefix == "format" && path != prefix) continue
    if (index(path, prefix) == 1 && length(prefix) > length(best)) best = prefix
  }
  return best
}

# Sets module and kind (public, private, module test, test, other) from the file's path.
function place(    parts) {
  module = ""
  kind = "other"
  split(file, parts, "/")
  if (file ~ /^include\/longspan\/[^\/]+\//) {
    module = parts[3]
    kind = "public"
  } else if (file ~ /^src\/[^\/]+\//) {
    module = parts[2]
    kind = "private"
  } else if (file ~ /^tests\//) {
    kind = "test"
    if (parts[2] ~ /^(unit|differential)$/ && parts[3] in place_of) {
      module = parts[3]
      kind = "module test"
    }
  }
  if ((kind == "public" || kind == "private") && !(module in place_of))
    violation("module " module " is not in the list of src/CMakeLists.txt")
}

function check_project_include(path,    parts, target, count) {
  count = split(path, parts, "/")
  if (path ~ /^\.|\/\./) {
    violation("includes must have full paths, got \"" path "\"")
  } else if (parts[1] == "longspan") {
    target = parts[2]
    if (!(target in place_of)) {
      violation("module " target " is not in the list of src/CMakeLists.txt: \"" path "\"")
    } else if (kind != "test" && kind != "other" && target != module && !((module, target) in below)) {
      violation("module " module " must not include module " target ": \"" path "\"")
    }
    if (kind == "public" || kind == "private") used[module, target] = 1
    includes[file, ++include_count[file]] = "include/" path
    include_line[file, include_count[file]] = line
  } else if (count > 1 && parts[1] in place_of) {
    if (kind == "public")
      violation("a public header must not include a private one: \"" path "\"")
    else if ((kind == "private" || kind == "module test") && parts[1] != module)
      violation("module " module " must not include a private header of module " parts[1] ": \"" path "\"")
    includes[file, ++include_count[file]] = "src/" path
    include_line[file, include_count[file]] = line
  } else {
    check_package_include(path)
  }
}

function check_package_include(path,    package) {
  package = package_of(path)
  if (package == "" || index(exceptions, " " file " ")) return
  if (owner[package] == "libtorch") {
    if ((kind == "public" || kind == "private") && !(module in has_libtorch))
      violation("module " module " must not include LibTorch: <" path ">")
  } else if (owner[package] == "nobody") {
    if (package ~ /^torch\//)
      violation("never include <" path ">: take the narrow headers, such as <ATen/core/Tensor.h>")
    else if (kind == "public" || kind == "private")
      violation("no module may include <" path ">")
  } else if (kind == "public") {
    violation("a public header must not include a third-party one: <" path ">")
  } else if (kind == "private" && module != owner[package]) {
    violation("only module " owner[package] " may include <" path ">, not module " module)
  }
}

function check_line(text,    path) {
  if (text ~ /[\200-\377]/) violation("sources must be ASCII")
  if (file !~ /\.(h|cpp|cu|cuh)$/) return
  if (text == "#pragma once") guarded = 1
  if (text ~ /^[ \t]*#[ \t]*include[ \t]*"/) {
    split(text, path, "\"")
    check_project_include(path[2])
  } else if (text ~ /^[ \t]*#[ \t]*include[ \t]*</) {
    split(text, path, /[<>]/)
    check_package_include(path[2])
  }
  sub(/\/\/.*/, "", text)
  if (text ~ /using[ \t]+namespace[ \t]+(torch|at|c10)[ \t]*;/)
    violation("never write `using namespace` for torch, at or c10: calls become ambiguous")
}

# Depth first; state is 1 while a file's includes are being followed and 2 afterwards.
function follow(start,    i, next_file) {
  state[start] = 1
  trail[++depth] = start
  for (i = 1; i <= include_count[start]; i++) {
    next_file = includes[start, i]
    if (state[next_file] == 1) {
      file = start
      line = include_line[start, i]
      violation("include cycle: " cycle(next_file))
    } else if (!state[next_file]) {
      follow(next_file)
    }
  }
  depth--
  state[start] = 2
}

function cycle(first,    i, text) {
  for (i = depth; trail[i] != first; i--) text = " -> " trail[i] text
  return first text " -> " first
}

BEGIN {
  read_modules()
  read_packages()
}

{
  file = $0
  files[++file_count] = file
  line = 1
  place()
  line = guarded = 0
  while ((getline text < file) > 0) {
    line++
    check_line(text)
  }
  close(file)
  if (file ~ /\.(h|cuh)$/ && !guarded) {
    line = 1
    violation("a header must have #pragma once")
  }
}

END {
  check_use_of_depends()
  check_readme()
  for (f = 1; f <= file_count; f++)
    if (!state[files[f]]) follow(files[f])
  if (violations) {
    print "layers: " violations " violations in " file_count " files"
    exit 1
  }
  print "layers: " file_count " files, no violation"
}
