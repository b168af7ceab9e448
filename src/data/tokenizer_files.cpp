// A tokenizer's fingerprint covers what decides the ids; the digests of its files cover the rest.
#include "data/tokenizer_files.h"

#include <algorithm>
#include <string>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/core/inside.h"

namespace longspan {
namespace {

constexpr char kRemedy[] = "; remove the folder of shards and prepare it again";

std::string digest_of(const std::filesystem::path& path) {
  try {
    return hash_of_file(path);
  } catch (const Error& cause) {
    if (cause.kind() != ErrorKind::Io) throw;
    std::throw_with_nested(
        Error(ErrorKind::Data, concat(path.string(), ": a tokenizer's file must be readable, got: ",
                                      cause.what(), kRemedy)));
  }
}

}  // namespace

Json describe_tokenizer_files(const std::filesystem::path& tokenizer_folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(tokenizer_folder))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  Json files = Json::array();
  for (const std::string& name : names)
    files.push_back({{"file", name}, {"digest", hash_of_file(tokenizer_folder / name)}});
  return files;
}

void check_tokenizer_files(const std::filesystem::path& tokenizer_folder, const Json& files) {
  for (const Json& entry : files) {
    const auto name = entry.at("file").get<std::string>();
    const auto path = path_inside(tokenizer_folder, name);
    check(path.has_value(), ErrorKind::Data, tokenizer_folder.string(),
          ": a file of the manifest must be inside, got ", name, kRemedy);
    const auto expected = entry.at("digest").get<std::string>();
    const std::string found = digest_of(*path);
    check(found == expected, ErrorKind::Data, path->string(),
          ": the tokenizer's file is damaged: its digest must be ", expected, ", found ", found,
          kRemedy);
  }
}

}  // namespace longspan
