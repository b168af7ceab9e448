// What is looked at before a text is read.
#include "data/source_checks.h"

#include <algorithm>

#include "data/text_folder.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"

namespace longspan {

namespace fs = std::filesystem;

void check_outside_of_text(const fs::path& shards, const NamedSource& named) {
  for (const std::string& text : text_folders(named.text)) {
    const fs::path rest =
        fs::weakly_canonical(shards).lexically_relative(fs::weakly_canonical(text));
    check(rest.empty() || *rest.begin() == "..", ErrorKind::Config,
          "data.shards must not lie in a folder that is read as text, data.", named.split, " is ",
          text, ", got ", shards.string());
  }
}

void tell_passed_over(const TextConfig& text) {
  for (const std::string& folder : text_folders(text))
    if (const std::string what = text_in_folder(folder).passed_over(); !what.empty())
      log::info("passed over in a folder of text", {{"folder", folder}, {"what", what}});
}

void check_text_key(const std::string& text_key, const std::vector<Json>& files) {
  const auto has_records = [](const Json& file) { return file.contains("text_key"); };
  const bool used = std::ranges::any_of(files, has_records);
  check(used || text_key == TextConfig().text_key, ErrorKind::Config,
        "data.text_key is the key of the texts in JSON lines, and no file of data is named .json, "
        ".jsonl or .ndjson, got ",
        text_key, "; leave it out");
}

}  // namespace longspan
