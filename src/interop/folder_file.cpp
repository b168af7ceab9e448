// What stands in place of files that were not downloaded whole.

#include "interop/folder_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <string_view>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"

namespace longspan::interop {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLogIn =
    "log in where it comes from, accept its licence if it has one, and download it again";
constexpr std::string_view kSaveAgain =
    "load it with the project that wrote it and save it again as safetensors";

// How a file of another kind begins, in lower case.
struct Impostor {
  std::string_view start, what, remedy;
};
constexpr std::array<Impostor, 8> kFailedDownloads{{
    {"version https://git-lfs.github.com/spec/", "a Git LFS pointer",
     "run git lfs pull in the folder, or download the file itself"},
    {"<!doctype html", "a web page", kLogIn},
    {"<html", "a web page", kLogIn},
    {"<?xml", "a server's message", kLogIn},
    {"access to model", "a server's message", kLogIn},
    {"invalid username or password", "a server's message", kLogIn},
    {"entry not found", "a server's message", kLogIn},
    {"{\"error\"", "a server's message", kLogIn},
}};
constexpr std::array<Impostor, 2> kOtherFormats{{
    {"pk\x03\x04", "a zip archive, as torch.save writes it", kSaveAgain},
    {"\x80\x02", "a pickle, as torch.save writes it", kSaveAgain},
}};

std::string lower_start(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  const auto is_blank = [](unsigned char c) { return std::isspace(c) != 0; };
  const auto* begin = std::ranges::find_if_not(text, is_blank);
  std::string start(begin,
                    text.end() - begin > std::ptrdiff_t{kLongest} ? begin + kLongest : text.end());
  std::ranges::transform(start, start.begin(), [](unsigned char c) { return std::tolower(c); });
  return start;
}

[[noreturn]] void blame_file(const Error& cause) {
  std::string text = cause.what();
  if (text.ends_with(kDamagedRemedy)) {
    text.resize(text.size() - kDamagedRemedy.size());
    text += "; the file is cut short or damaged: download it again";
  }
  std::throw_with_nested(Error(ErrorKind::Data, text));
}

// Memory is the machine's fault, not the file's.
template <class Read>
auto blaming_file(const Read& read) {
  try {
    return read();
  } catch (const Error& cause) {
    if (cause.kind() == ErrorKind::Memory) throw;
    blame_file(cause);
  }
}

void refuse(std::span<const Impostor> impostors, const fs::path& file) {
  const MappedFile content = blaming_file([&] { return MappedFile(file); });
  check(!content.bytes().empty(), ErrorKind::Data, file.string(),
        ": must not be empty, found 0 bytes; download it again");
  const std::string start = lower_start(content.text());
  for (const Impostor& impostor : impostors)
    check(!start.starts_with(impostor.start), ErrorKind::Data, file.string(),
          ": must be the file itself, found ", impostor.what, " in its place; ", impostor.remedy);
}

}  // namespace

void check_is_folder(const fs::path& folder) {
  std::error_code failure;
  const fs::file_status status = fs::status(folder, failure);
  if (fs::is_directory(status)) return;
  const bool is_else = !failure && fs::exists(status);
  throw Error(ErrorKind::Data,
              concat(folder.string(), ": must be a folder as save_pretrained() writes it, got ",
                     is_else ? "a file" : failure.message()));
}

bool is_there(const fs::path& file) {
  std::error_code failure;
  const fs::file_status status = fs::symlink_status(file, failure);
  check(status.type() != fs::file_type::none, ErrorKind::Data, file.string(),
        ": must be a file that can be looked at, got: ", failure.message());
  return status.type() != fs::file_type::not_found;
}

void check_is_downloaded(const fs::path& file) { refuse(kFailedDownloads, file); }

JsonReader read_folder_json(const fs::path& file) {
  check_is_downloaded(file);
  return {blaming_file([&] { return read_json(file); }), file.string()};
}

NamedTensors read_folder_tensors(const fs::path& file) {
  check_is_downloaded(file);
  refuse(kOtherFormats, file);
  return blaming_file([&] { return read_safetensors(file); });
}

}  // namespace longspan::interop
