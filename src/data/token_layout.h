#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/core/files.h"
#include "longspan/data/token_files.h"

namespace longspan {

/// The type of the ids in a file, little-endian.
enum class IdType { UInt8, Int8, UInt16, Int16, UInt32, Int32, UInt64, Int64 };
/// What a type is called, the code that stands for it in an .idx, and its size.
struct IdTypeRow {
  std::string_view name;
  IdType value;
  std::uint8_t code;
  std::int64_t bytes;
};
inline constexpr std::array kIdTypes{
    IdTypeRow{"uint8", IdType::UInt8, 1, 1},   IdTypeRow{"int8", IdType::Int8, 2, 1},
    IdTypeRow{"int16", IdType::Int16, 3, 2},   IdTypeRow{"int32", IdType::Int32, 4, 4},
    IdTypeRow{"int64", IdType::Int64, 5, 8},   IdTypeRow{"uint16", IdType::UInt16, 8, 2},
    IdTypeRow{"uint32", IdType::UInt32, 9, 4}, IdTypeRow{"uint64", IdType::UInt64, 10, 8},
};
/// Returns the row of a type.
const IdTypeRow& row_of(IdType type);

/// What an .idx says of the ids in the .bin beside it.
struct TokenIndex {
  TokenFormat format = TokenFormat::Megatron;  ///< Megatron or Fairseq
  IdType type = IdType::UInt16;
  std::int64_t num_tokens = 0;
  std::int64_t num_sequences = 0;
  std::int64_t num_documents = 0;  ///< entries of the document index; 0: it has none
};
/// Reads the header of an index, and checks the counts in it against its size and its last sequence
/// against the ids. @param ids_bytes of the .bin  @throws Error(Data)
TokenIndex read_token_index(const MappedFile& index, const std::string& path,
                            std::int64_t ids_bytes);
/// Reads all of an index: its sequences must follow one another without a gap, its documents must
/// be sequences one after another. @param header as read_token_index() returned it @throws
/// Error(Data)
void check_token_index(const MappedFile& index, const std::string& path, const TokenIndex& header);

/// Returns the places among the ids at which the documents of an index begin, that of an end among
/// them. @param header of an index that check_token_index() took
std::vector<std::int64_t> document_places(const MappedFile& index, const TokenIndex& header);

/// Where the ids of a file lie.
struct TokenLayout {
  TokenFormat format = TokenFormat::NanoGpt;
  IdType type = IdType::UInt16;
  std::int64_t begin = 0;  ///< byte of the first id
  std::int64_t num_tokens = 0;
  std::optional<TokenIndex> index;
};
/// Returns the path of the index that may stand beside a file of ids; empty where its name does not
/// end in .bin.
std::filesystem::path index_path(const std::filesystem::path& path);
/// Returns the layout of a file of ids, after checking its header and its index against its size.
/// @param format what it must be  @throws Error(Data)
TokenLayout read_token_layout(const MappedFile& file, const std::filesystem::path& path,
                              TokenFormat format);
/// Returns whether a file or an index beside it says that it holds ids. @throws Error(Io)
bool names_format(const std::filesystem::path& path);

/// Copies ids as wider ones. @param ids of `type`, aligned; of the first of them `begin` are passed
/// over
void widen(const std::byte* ids, IdType type, std::int64_t begin, std::int64_t count,
           std::int64_t* out);

}  // namespace longspan
