// How tensors lie in buckets and in the parts of buckets.

#include "longspan/distributed/buckets.h"

#include "support/torch_catch.h"

namespace longspan {
namespace {

const std::vector<std::int64_t> kElements{1200, 30, 21, 64, 1};

TEST_CASE("tensors of a bucket lie one after another, without a gap") {
  const auto layout = lay_out({4, 2, 1}, kElements);
  CHECK(layout.tensors == std::vector<std::size_t>{4, 2, 1});
  CHECK(layout.offsets == std::vector<std::int64_t>{0, 1, 22});
  CHECK(layout.elements == 52);
}

TEST_CASE("tensors and parts begin at aligned elements, and the parts are equal") {
  for (const std::int64_t ranks : {1, 2, 3, 4, 8, 64}) {
    INFO(ranks << " ranks");
    const auto layout = lay_out_in_parts({4, 3, 2, 1, 0}, kElements, ranks);
    CHECK(layout.offsets == std::vector<std::int64_t>{0, 64, 128, 192, 256});
    CHECK(layout.elements % (ranks * kPartAlignment) == 0);
    CHECK(layout.elements >= 256 + 1200);
    CHECK(layout.elements < 256 + 1216 + ranks * kPartAlignment);
  }
}

TEST_CASE("every element of a tensor is in one part") {
  for (const std::int64_t ranks : {1, 2, 3, 4, 8, 64}) {
    INFO(ranks << " ranks");
    const auto layout = lay_out_in_parts({4, 3, 2, 1, 0}, kElements, ranks);
    for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
      const std::int64_t elements = kElements[layout.tensors[i]];
      std::int64_t next = 0;
      for (std::int64_t part = 0; part < ranks; ++part) {
        const Part own =
            elements_in_part(layout.offsets[i], elements, part, layout.elements / ranks);
        CHECK(own.begin == next);
        CHECK(own.size() <= layout.elements / ranks);
        CHECK((own.size() == 0 || own.begin % kPartAlignment == 0));
        next = own.end;
      }
      CHECK(next == elements);
    }
  }
}

}  // namespace
}  // namespace longspan
