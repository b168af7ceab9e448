#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace longspan {

/// Calls emit with each document of files, as open_documents() gives them. @return the bytes of
/// their text, byte order marks included  @throws Error(Data)
std::int64_t read_documents(const std::vector<std::string>& files,
                            const std::function<void(std::string_view)>& emit);

}  // namespace longspan
