// Dictionary, stream of ids, blocks and batches of the paper's code.

#include <fstream>
#include <numeric>

#include "golden/recording.h"
#include "longspan/core/files.h"
#include "longspan/data/batches.h"
#include "longspan/data/shards.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Ids = std::vector<std::int64_t>;

TextConfig file_text(const std::filesystem::path& path) {
  TextConfig config;
  config.patterns = {path.string()};
  return config;
}

struct Encoded {
  Ids ids;
  TextCounts counts;
};

Encoded encode(const std::filesystem::path& path, const Tokenizer& tokenizer) {
  Encoded result;
  const TokenStream stream = encode_text(file_text(path), tokenizer, result.counts);
  result.ids.resize(static_cast<std::size_t>(stream.size()));
  stream.copy(0, stream.size(), result.ids.data());
  return result;
}

std::string sha256_of_ids(const Ids& ids) {
  const testing::TemporaryFolder folder;
  const std::vector<std::int32_t> narrow(ids.begin(), ids.end());
  const auto path = folder.path() / "ids";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(narrow.data()),
             static_cast<std::streamsize>(narrow.size() * sizeof(std::int32_t)));
  return testing::sha256_of_file(path);
}

// Lines of dict.txt as [id, symbol, count]; it begins with id 4.
Json symbols_from(const std::filesystem::path& dict) {
  Json symbols = Json::array({{0, "<s>", 1}, {1, "<pad>", 1}, {2, "</s>", 1}, {3, "<unk>", 1}});
  std::istringstream lines(read_file(dict));
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.rfind(' ');
    symbols.push_back({symbols.size(), line.substr(0, space), std::stoll(line.substr(space + 1))});
  }
  return symbols;
}

Json part(const Json& list, std::ptrdiff_t begin, std::ptrdiff_t end) {
  return Json(Json::array_t(list.begin() + begin, list.begin() + end));
}

void check_split(const Json& expected, const Encoded& split) {
  const auto size = static_cast<std::ptrdiff_t>(split.ids.size());
  CHECK(size == expected.at("tokens").get<std::ptrdiff_t>());
  CHECK(split.counts.lines == expected.at("lines").get<std::int64_t>());
  if (expected.contains("ids")) CHECK(Json(split.ids) == expected.at("ids"));
  if (!expected.contains("sha256_int32_le")) return;
  CHECK(sha256_of_ids(split.ids) == expected.at("sha256_int32_le").get<std::string>());
  CHECK(part(Json(split.ids), 0, 200) == expected.at("first200"));
  CHECK(part(Json(split.ids), size - 50, size) == expected.at("last50"));
  CHECK(std::ranges::count(split.ids, 3) == expected.at("unk").get<std::ptrdiff_t>());
}

TEST_CASE("golden: dictionary_edge") {
  for (const auto& recording : testing::recordings_of("dictionary_edge")) {
    const auto tokenizer =
        build_tokenizer({}, open_text(file_text(recording.folder / "train.txt")));
    CHECK(tokenizer->vocab_size() == recording.manifest.at("size").get<std::int64_t>());
    const testing::TemporaryFolder folder;
    tokenizer->save(folder.path());
    CHECK(symbols_from(folder.path() / "dict.txt") == recording.manifest.at("symbols"));
    for (const auto& [split, expected] : recording.manifest.at("splits").items())
      check_split(expected, encode(recording.folder / (split + ".txt"), *tokenizer));
  }
}

TEST_CASE("golden: dictionary") {
  for (const auto& recording : testing::recordings_of("dictionary")) {
    const auto& manifest = recording.manifest;
    const auto train = testing::find_text(manifest.at("train"), manifest.at("train_sha256")),
               valid = testing::find_text(manifest.at("valid"), manifest.at("valid_sha256"));
    if (!train || !valid) SKIP("the text of " << recording.name << " is not in LONGSPAN_TEXT_DIR");
    const auto tokenizer = build_tokenizer({}, open_text(file_text(*train)));
    CHECK(tokenizer->vocab_size() == manifest.at("size").get<std::int64_t>());
    const testing::TemporaryFolder folder;
    tokenizer->save(folder.path());
    CHECK(testing::sha256_of_file(folder.path() / "dict.txt") ==
          manifest.at("dict_txt_sha256").get<std::string>());
    const Json symbols = symbols_from(folder.path() / "dict.txt");
    const auto size = static_cast<std::ptrdiff_t>(symbols.size());
    CHECK(part(symbols, 0, 50) == manifest.at("first50"));
    CHECK(part(symbols, size - 50, size) == manifest.at("last50"));
    check_split(manifest.at("splits").at("train"), encode(*train, *tokenizer));
    check_split(manifest.at("splits").at("valid"), encode(*valid, *tokenizer));
  }
}

// The batches of one rank: of every update those passes that fall to it. A pass that no batch is
// left for is empty.
Json batches_of_rank(const BatchPlan& plan, std::int64_t epoch, std::int64_t world,
                     std::int64_t rank) {
  Json batches = Json::array();
  const std::int64_t steps = plan.steps_per_epoch();
  for (std::int64_t step = epoch * steps + rank; step < (epoch + 1) * steps; step += world) {
    const auto sequences = plan.sequences(step);
    CHECK(sequences.epoch == epoch);
    batches.push_back(sequences.blocks);
  }
  const auto passes = static_cast<std::size_t>((steps + world - 1) / world);
  while (batches.size() < passes) batches.push_back(Json::array());
  return batches;
}

TEST_CASE("golden: batches") {
  for (const auto& recording : testing::recordings_of("batches")) {
    const auto num_tokens = recording.manifest.at("n_tokens").get<std::int64_t>();
    for (const auto& batches : recording.manifest.at("cases")) {
      const std::int64_t length = batches.at("L"), world = batches.at("world"),
                         rank = batches.at("rank"),
                         per_pass = batches.at("max_tokens").get<std::int64_t>() / length;
      INFO("length " << length << ", rank " << rank << " of " << world);
      BatchPlanOptions options{BatchOrder::Fairseq, batches.at("seed"),
                               (num_tokens + length - 1) / length, per_pass};
      options.sequences_per_pass = per_pass;
      options.last_block_is_short = num_tokens % length != 0;
      const auto plan = make_batch_plan(options);
      for (std::size_t epoch = 0; epoch < batches.at("epochs").size(); ++epoch)
        CHECK(batches_of_rank(*plan, static_cast<std::int64_t>(epoch), world, rank) ==
              batches.at("epochs")[epoch]);
      // With as many passes a step as there are ranks, a step holds the batches of all of them.
      options.sequences_per_step = per_pass * world;
      const auto together = make_batch_plan(options);
      CHECK(together->steps_per_epoch() == (plan->steps_per_epoch() + world - 1) / world);
      Ids of_ranks;
      for (std::int64_t pass = 0; pass < world; ++pass) {
        const auto blocks = plan->sequences(pass).blocks;
        of_ranks.insert(of_ranks.end(), blocks.begin(), blocks.end());
      }
      CHECK(together->sequences(0).blocks == of_ranks);
    }
  }
}

}  // namespace
}  // namespace longspan
