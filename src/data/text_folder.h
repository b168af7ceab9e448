#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace longspan {

/// The files of a folder, and of those in it, that are its text.
struct FolderText {
  std::vector<std::string> files;  ///< sorted by the bytes of their paths
  std::size_t num_hidden = 0;      ///< files and folders whose names begin with a dot
  std::size_t num_links = 0;       ///< symbolic links to folders, or out of the folder
  std::size_t num_empty = 0;       ///< files of no byte
  std::size_t num_others = 0;      ///< pipes, sockets and devices

  /// Returns what is no part of the text, as "2 hidden, 1 empty"; "" for nothing.
  std::string passed_over() const;
};

/// Looks through a folder. @throws Error(Data) when it cannot be read
FolderText text_in_folder(const std::string& folder);

}  // namespace longspan
