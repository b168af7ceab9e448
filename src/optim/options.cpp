// An option that has no effect under the chosen kind is an error, so that nobody believes it to be
// at work.

#include "optim/options.h"

#include "longspan/core/error.h"

namespace longspan {

void refuse_option(const config::Reader& reader, std::string_view key, std::string_view kind,
                   const std::vector<std::string>& owners) {
  if (!reader.has(key)) return;
  std::string names;
  for (const auto& owner : owners) names += names.empty() ? owner : ", " + owner;
  throw Error(ErrorKind::Config,
              concat(reader.place(key), " must not be given with this kind (it is an option of ",
                     names, "), got kind ", kind));
}

}  // namespace longspan
