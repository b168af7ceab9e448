#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/text_blocks.h"
#include "longspan/data/text.h"

namespace longspan {

/// Returns the files of a text, checked as text_files() checks them. @throws Error(Data)
TextFiles files_to_read(const TextConfig& config);

/// Returns the bytes of files. @throws Error(Data)
std::int64_t bytes_of(const std::vector<std::string>& paths);

/// Calls emit with each line of files, as open_text() gives them. @throws Error(Data)
void read_lines(const TextFiles& files, const std::function<void(std::string_view)>& emit,
                ByteProgress* progress = nullptr);

/// Some documents: that of a plain file, or those of a block of records.
struct DocumentBlock {
  std::string document;  ///< of a file; "" where there are records, and for a byte order mark alone
  std::int64_t bytes = 0;  ///< of the file's text, byte order mark included
  TextBlock records;
  std::int64_t lines_before = 0;  ///< of the records' file
};

/// Reads files as documents, in order.
class DocumentBlocks {
 public:
  explicit DocumentBlocks(TextFiles files, ByteProgress* progress = nullptr);
  /// Returns the next ones; none at the end. @throws Error(Data)
  std::optional<DocumentBlock> next();

 private:
  void take_file(DocumentBlock& result);

  TextBlocks blocks_;
  std::optional<TextBlock> ahead_;
  std::size_t file_ = 0;
  std::int64_t lines_ = 0;  // of the file so far
};

/// Calls emit with each of the documents, as open_documents() gives them. @return the bytes of
/// their text  @throws Error(Data)
std::int64_t for_each_document(const DocumentBlock& block,
                               const std::function<void(std::string_view)>& emit);
/// The same for all documents of files.
std::int64_t read_documents(const TextFiles& files,
                            const std::function<void(std::string_view)>& emit);

}  // namespace longspan
