#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

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

/// Calls emit with each document of files, as open_documents() gives them. @return the bytes of
/// their text, byte order marks included  @throws Error(Data)
std::int64_t read_documents(const TextFiles& files,
                            const std::function<void(std::string_view)>& emit,
                            ByteProgress* progress = nullptr);

}  // namespace longspan
