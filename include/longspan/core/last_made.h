#pragma once

#include <mutex>
#include <optional>
#include <utility>

namespace longspan {

/// Keeps what was made last and the key that it was made for: who asks again for the same, as the
/// passes of a steady training step do, gets it without another making. Any threads may ask.
template <class Key, class Value>
class LastMade {
 public:
  /// Returns the value of a key. @param make called without arguments where `key` is not the last
  template <class Make>
  Value get(const Key& key, const Make& make) {
    const std::lock_guard lock(mutex_);
    if (!last_ || !(last_->first == key)) last_.emplace(key, make());
    return last_->second;
  }

 private:
  std::mutex mutex_;
  std::optional<std::pair<Key, Value>> last_;
};

}  // namespace longspan
