#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace longspan::emulator {

/// Functions that run in turn on one thread, each on a stack of its own, until they pause.
class Fibers {
 public:
  explicit Fibers(std::size_t count);
  ~Fibers();
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;

  /// Puts all fibers at the start of body(fiber); what an earlier body left unfinished is forgotten
  /// without its destructors.
  void begin(std::function<void(std::size_t)> body);
  /// Runs a fiber until it pauses or ends. @throws what its body throws
  void resume(std::size_t fiber);
  /// Gives control back to resume(); called on a fiber.
  void pause();
  bool has_ended(std::size_t fiber) const;

 private:
  struct Fiber;
  static void enter();
  void make_context(Fiber& fiber);
  void drop_fake_stack(Fiber& fiber);
  void go(Fiber& from, Fiber& to, bool is_new);
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::unique_ptr<Fiber> home_;
  std::function<void(std::size_t)> body_;
  std::size_t current_ = 0;
  std::exception_ptr failure_;
  bool leaving_ = false;  // of a fiber: not to come back
};

}  // namespace longspan::emulator
