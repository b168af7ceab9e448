#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "data/ordered_work.h"
#include "data/text_blocks.h"

namespace longspan {

/// Works on the blocks of a text with several threads and takes the parts in order. Throws for
/// bytes that are not UTF-8 when all before them has been taken.
/// @tparam Part has the block's number of lines as `lines`
/// @param make_worker returns a function from const TextBlock& to Part, once for each thread
template <class Part, class MakeWorker, class Take>
void work_on_blocks(TextBlocks& blocks, int num_threads, const MakeWorker& make_worker,
                    const Take& take) {
  struct Numbered {
    std::size_t file = 0;
    Part part = {};
    std::optional<TextBlock> failed = std::nullopt;
  };
  std::size_t file = 0;
  std::int64_t lines_of_file = 0;
  OrderedWork<Numbered> work(num_threads);
  work.run([&] { return blocks.next(); },
           [&] {
             return [worker = make_worker()](TextBlock& block) mutable {
               Numbered numbered{block.file};
               if (is_utf8(block))
                 numbered.part = worker(std::as_const(block));
               else
                 numbered.failed = std::move(block);
               return numbered;
             };
           },
           [&](Numbered numbered) {
             if (std::exchange(file, numbered.file) != numbered.file) lines_of_file = 0;
             if (numbered.failed) check_utf8(*numbered.failed, lines_of_file);
             lines_of_file += numbered.part.lines;
             take(std::move(numbered.part));
           });
}

}  // namespace longspan
