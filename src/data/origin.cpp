// Where the tokens of a folder came from, so that a run can say later what changed.
#include "data/origin.h"

#include <algorithm>
#include <optional>
#include <string>

#include "longspan/core/error.h"
#include "longspan/data/shards.h"

namespace longspan {
namespace {

std::string value_difference(const Json& was, const Json& now, const std::string& prefix) {
  for (const auto& [key, value] : now.items())
    if (!was.contains(key))
      return concat(prefix, key, " was not set, is ", value);
    else if (was.at(key) != value)
      return concat(prefix, key, " was ", was.at(key), ", is ", value);
  for (const auto& [key, value] : was.items())
    if (!now.contains(key)) return concat(prefix, key, " was ", value, ", is not set");
  return "";
}

std::string file_difference(const Json& was, const Json& now) {
  const auto path = now.at("path").get<std::string>(), old_path = was.at("path").get<std::string>();
  if (was.value("text_key", "") != now.value("text_key", ""))
    return concat(old_path, " was read with text_key \"", was.value("text_key", ""), "\", ", path,
                  " is with \"", now.value("text_key", ""), '"');
  if (was.at("bytes") != now.at("bytes"))
    return concat(old_path, " had ", was.at("bytes"), " bytes, ", path, " has ", now.at("bytes"));
  if (was.at("digest") != now.at("digest"))
    return concat("the content of ", path, " differs from what ", old_path, " had");
  const auto old_format = was.value("format", "text"), format = now.value("format", "text");
  return old_format == format
             ? ""
             : concat("the format of ", path, " was ", old_format, ", is ", format);
}

std::string source_difference(const Json& was, const Json& now) {
  if (was.contains("synthetic") != now.contains("synthetic"))
    return now.contains("synthetic") ? "it was files, is synthetic" : "it was synthetic, is files";
  if (now.contains("synthetic"))
    return value_difference(was.at("synthetic"), now.at("synthetic"), "synthetic.");
  const Json& files = now.at("files");
  const Json& old_files = was.at("files");
  for (std::size_t i = 0; i < std::min(files.size(), old_files.size()); ++i) {
    const std::string difference = file_difference(old_files[i], files[i]);
    if (!difference.empty()) return difference;
  }
  if (files.size() == old_files.size()) return "";
  return concat("it was ", old_files.size(), " files, is ", files.size());
}

const Json* find_split(const Json& splits, const Json& name) {
  for (const Json& split : splits)
    if (split.at("name") == name) return &split;
  return nullptr;
}

std::string split_difference(const Json& was, const Json& now) {
  const std::string difference = source_difference(was.at("source"), now.at("source"));
  if (!difference.empty()) return difference;
  if (was.at("tokens") == now.at("tokens")) return "";
  return concat("the same text gave ", was.at("tokens"), " tokens, gives ", now.at("tokens"));
}

std::string splits_difference(const Json& was, const Json& now) {
  for (const Json& split : now) {
    const std::string place = concat("data.", split.at("name").get<std::string>(), ": ");
    const Json* old = find_split(was, split.at("name"));
    if (old == nullptr) return place + "it was not set";
    const std::string difference = split_difference(*old, split);
    if (!difference.empty()) return place + difference;
  }
  for (const Json& split : was)
    if (find_split(now, split.at("name")) == nullptr)
      return concat("data.", split.at("name").get<std::string>(), ": it is not set");
  return "";
}

}  // namespace

Json origin_of(const Json& manifest) {
  Json origin{{"format", kOriginFormat},
              {"tokenizer", manifest.at("tokenizer")},
              {"splits", manifest.at("splits")}};
  for (Json& split : origin["splits"]) split.erase("shards");
  return origin;
}

std::string origin_difference(const Json& was, const Json& now, const std::string& source) {
  try {
    check(was.at("format") == kOriginFormat, ErrorKind::Data, source, ": format must be ",
          kOriginFormat, ", found ", was.at("format"));
    const Json& tokenizer = now.at("tokenizer");
    const Json& old_tokenizer = was.at("tokenizer");
    std::string difference =
        value_difference(old_tokenizer.at("config"), tokenizer.at("config"), "data.tokenizer.");
    if (difference.empty()) difference = splits_difference(was.at("splits"), now.at("splits"));
    // Last, since another text may make another tokenizer.
    if (difference.empty() && old_tokenizer.at("fingerprint") != tokenizer.at("fingerprint"))
      difference = "the tokenizer's content is another";
    return difference;
  } catch (const Json::exception& cause) {
    std::throw_with_nested(
        Error(ErrorKind::Data,
              concat(source, ": must say where a run's tokens came from, got: ", cause.what())));
  }
}

}  // namespace longspan
