# The table of modules, for scripts/check-layers: which there are and in which order (src/CMakeLists.txt), what
# each depends on (DEPENDS in its CMakeLists.txt), and that src/README.md says the same.

# Splits a line of CMake into words; parentheses are words of their own, comments are left out.
function cmake_words(text, words) {
  sub(/#.*/, "", text)
  gsub(/[()]/, " & ", text)
  return split(text, words, " ")
}

# Fills order[1 ... module_count] and place_of[module] from the list `foreach(module ...)`.
function read_order(    text, words, count, i, inside) {
  file = "src/CMakeLists.txt"
  line = 0
  while ((getline text < file) > 0) {
    line++
    count = cmake_words(text, words)
    i = 1
    if (words[1] == "foreach" && words[3] == "module") {
      inside = 1
      i = 4
    }
    for (; inside && i <= count; i++) {
      if (words[i] == ")") {
        inside = 0
      } else {
        order[++module_count] = words[i]
        place_of[words[i]] = module_count
        read_depends(words[i])
        file = "src/CMakeLists.txt"
      }
    }
  }
  close(file)
  if (!module_count) violation("there must be a list of modules: foreach(module ...)")
}

# Fills depends[module, 1 ... depend_count[module]], the line they stand in, and has_libtorch[module].
function read_depends(name,    path, text, words, count, i, number, keyword) {
  path = "src/" name "/CMakeLists.txt"
  while ((getline text < path) > 0) {
    number++
    count = cmake_words(text, words)
    for (i = 1; i <= count; i++) {
      if (words[i] == "longspan_add_module" && words[i + 2] == name) {
        keyword = "name"
        declared[name] = number
      } else if (words[i] == ")") {
        keyword = ""
      } else if (keyword && words[i] == "TORCH") {
        has_libtorch[name] = 1
      } else if (keyword && words[i] ~ /^[A-Z_]+$/) {
        keyword = words[i]
      } else if (keyword == "DEPENDS") {
        depends[name, ++depend_count[name]] = words[i]
        depend_line[name, depend_count[name]] = number
      }
    }
  }
  close(path)
  if (!declared[name]) violation("module " name " must have a longspan_add_module(" name " ...) in " path)
}

# Fills below[a, b] for each module b that lies anywhere below module a: since a module may depend only on
# those before it in the list, what lies below those is known already.
function read_modules(    i, j, k, name, other) {
  read_order()
  for (i = 1; i <= module_count; i++) {
    name = order[i]
    for (j = 1; j <= depend_count[name]; j++) {
      other = depends[name, j]
      below[name, other] = 1
      for (k = 1; k < i; k++)
        if ((other, order[k]) in below) below[name, order[k]] = 1
      file = "src/" name "/CMakeLists.txt"
      line = depend_line[name, j]
      if (!(other in place_of) || place_of[other] >= i)
        violation("module " name " must depend only on modules before it in src/CMakeLists.txt, got " other)
    }
  }
}

# Reports each entry of DEPENDS that no include has made use of: used[module, other].
function check_use_of_depends(    i, j, name) {
  for (i = 1; i <= module_count; i++) {
    name = order[i]
    file = "src/" name "/CMakeLists.txt"
    for (j = 1; j <= depend_count[name]; j++) {
      line = depend_line[name, j]
      if (!((name, depends[name, j]) in used))
        violation("module " name " depends on module " depends[name, j] ", but includes nothing of it")
    }
  }
}

function depends_text(name,    j, text) {
  for (j = 1; j <= depend_count[name]; j++) text = text (j > 1 ? ", " : "") depends[name, j]
  return text
}

# Compares the rows of the table in src/README.md, from `| module` to the next empty line, with the modules.
function check_readme(    text, cells, row, inside) {
  file = "src/README.md"
  line = 0
  while ((getline text < file) > 0) {
    line++
    if (text ~ /^\| module/) {
      inside = 1
    } else if (text !~ /^\|/) {
      inside = 0
    } else if (inside && text !~ /^\| *-/) {
      split(text, cells, / *\| */)
      check_row(++row, cells[2], cells[4])
    }
  }
  close(file)
  if (row < module_count) violation("the table must have a row for each module, the first without is " order[row + 1])
}

function check_row(row, name, text) {
  if (name != order[row])
    violation("row " row " of the table must be module " order[row] ", as in src/CMakeLists.txt, got " name)
  else if (text != depends_text(name))
    violation("module " name " may include \"" depends_text(name) "\" by its CMakeLists.txt, got \"" text "\"")
}
