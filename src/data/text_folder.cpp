// A folder as a text. What its owner would not call a part of it is passed over: marks that other
// programs leave (.git, .part-00000.crc, an empty _SUCCESS), and links, which could lead anywhere.
#include "data/text_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "longspan/core/error.h"
#include "longspan/core/inside.h"

namespace longspan {
namespace fs = std::filesystem;
namespace {

bool is_file_inside(const fs::path& folder, const fs::path& path) {
  return fs::is_regular_file(fs::status(path)) &&
         path_inside(folder, path.lexically_relative(folder).string()).has_value();
}

// Adds an entry that is not hidden and no folder.
void add_entry(const fs::path& folder, const fs::directory_entry& entry, FolderText& text) {
  if (entry.is_symlink() && !is_file_inside(folder, entry.path()))
    ++text.num_links;
  else if (!entry.is_regular_file())
    ++text.num_others;
  else if (entry.file_size() == 0)
    ++text.num_empty;
  else
    text.files.push_back(entry.path().string());
}

void look_through(const fs::path& folder, FolderText& text) {
  for (fs::recursive_directory_iterator at(folder), end; at != end; ++at) {
    if (at->path().filename().string().starts_with('.')) {
      ++text.num_hidden;
      at.disable_recursion_pending();
    } else if (at->is_symlink() || !at->is_directory()) {
      add_entry(folder, *at, text);
    }
  }
}

}  // namespace

std::string FolderText::passed_over() const {
  std::string all;
  for (const auto& [count, what] : {std::pair{num_hidden, "hidden"},
                                    {num_links, "linked"},
                                    {num_empty, "empty"},
                                    {num_others, "special"}})
    if (count > 0) all += concat(all.empty() ? "" : ", ", count, ' ', what);
  return all;
}

FolderText text_in_folder(const std::string& folder) {
  // A slash at the end would be doubled in the files' paths.
  fs::path path(folder);
  while (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  FolderText text;
  try {
    look_through(path, text);
  } catch (const fs::filesystem_error& failure) {
    const std::string place = failure.path1().empty() ? folder : failure.path1().string();
    std::throw_with_nested(Error(
        ErrorKind::Data,
        concat(place, ": must be readable in a folder of text, got: ", failure.code().message())));
  }
  std::ranges::sort(text.files);
  return text;
}

}  // namespace longspan
