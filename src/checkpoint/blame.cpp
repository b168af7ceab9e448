// Errors of files and parsers, turned into errors of the checkpoint that they belong to.

#include "checkpoint/blame.h"

#include <c10/util/Exception.h>

#include <exception>
#include <filesystem>
#include <new>

#include "longspan/core/json.h"

namespace longspan::checkpoint {

void blame_checkpoint(const std::string& before, const std::string& after) {
  try {
    throw;
  } catch (const Error& error) {
    const bool of_file = error.kind() == ErrorKind::Io || error.kind() == ErrorKind::Data;
    const bool adds = error.kind() == ErrorKind::Checkpoint && !(before.empty() && after.empty());
    if (!of_file && !adds) throw;
    std::throw_with_nested(Error(ErrorKind::Checkpoint, concat(before, error.what(), after)));
  } catch (const std::filesystem::filesystem_error& error) {
    std::throw_with_nested(
        Error(ErrorKind::Checkpoint, concat(before, error.path1().string(),
                                            ": cannot be read: ", error.code().message(), after)));
  } catch (const Json::exception& error) {
    std::throw_with_nested(
        Error(ErrorKind::Checkpoint, concat(before, "texts must be UTF-8: ", error.what(), after)));
  } catch (const std::bad_alloc&) {
    std::throw_with_nested(
        Error(ErrorKind::Memory, concat(before, "the checkpoint must fit into memory", after)));
  } catch (const c10::Error& error) {
    std::throw_with_nested(Error(
        ErrorKind::Memory,
        concat(before, "the checkpoint must fit into memory: ", error.what_without_backtrace())));
  }
}

}  // namespace longspan::checkpoint
