#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "data/json_lines.h"
#include "data/ordered_work.h"
#include "data/text_blocks.h"
#include "longspan/core/error.h"

namespace longspan {

/// Works on the blocks of a text with several threads and takes the parts in order. Throws for
/// what cannot be read, bytes that are not UTF-8 say, when all before it has been taken.
/// @tparam Part has the number of lines of the block's text as `lines`
/// @param make_worker returns a function from const TextBlock& to Part, once for each thread
template <class Part, class MakeWorker, class Take>
void work_on_blocks(TextBlocks& blocks, int num_threads, const MakeWorker& make_worker,
                    const Take& take) {
  struct Numbered {
    std::size_t file = 0;
    Part part = {};
    std::int64_t file_lines = 0;
    std::optional<TextBlock> failed = std::nullopt;
  };
  std::size_t file = 0;
  std::int64_t lines_of_file = 0;
  OrderedWork<Numbered> work(num_threads);
  work.run([&] { return blocks.next(); },
           [&] {
             return [worker = make_worker()](TextBlock& block) mutable {
               Numbered numbered{block.file};
               try {
                 read_block(block, 0);
               } catch (const Error&) {  // which line it is, is known when it is taken
                 numbered.failed = std::move(block);
                 return numbered;
               }
               numbered.part = worker(std::as_const(block));
               numbered.file_lines = block.file_lines.value_or(numbered.part.lines);
               return numbered;
             };
           },
           [&](Numbered numbered) {
             if (std::exchange(file, numbered.file) != numbered.file) lines_of_file = 0;
             if (numbered.failed) {
               read_block(*numbered.failed, lines_of_file);
               unreachable();
             }
             lines_of_file += numbered.file_lines;
             take(std::move(numbered.part));
           });
}

}  // namespace longspan
