// A context is made once by ucontext, which asks the kernel for the signal mask at each switch, and
// switched by _setjmp, which does not: some 20 ns instead of 500. A sanitizer has to be told of
// each switch, or it takes the stacks for one; tsan follows no jump between them, so there ucontext
// switches.

#include "emulator/fibers.h"

#include <csetjmp>
#include <utility>

#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace longspan::emulator {
namespace {

constexpr std::size_t kStackBytes = 128 * 1024;

thread_local Fibers* entering = nullptr;

}  // namespace

struct Fibers::Fiber {
  std::jmp_buf jump;
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  bool started = false, ended = true;
#if defined(__SANITIZE_ADDRESS__)
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  void* fake_stack = nullptr;
#elif defined(__SANITIZE_THREAD__)
  void* history = nullptr;

  ~Fiber() {
    if (stack && history) __tsan_destroy_fiber(history);
  }
#endif
};

Fibers::Fibers(std::size_t count) : home_(std::make_unique<Fiber>()) {
  home_->started = true;
  for (std::size_t i = 0; i < count; ++i) {
    fibers_.push_back(std::make_unique<Fiber>());
    fibers_.back()->stack = std::make_unique<char[]>(kStackBytes);
  }
}

void Fibers::begin(std::function<void(std::size_t)> body) {
  body_ = std::move(body);
  for (auto& fiber : fibers_) {
    if (!fiber->ended) fiber->started = false;
    fiber->ended = false;
  }
}

void Fibers::enter() {
  Fibers& self = *entering;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &self.home_->bottom, &self.home_->bytes);
#endif
  for (;;) {
    try {
      self.body_(self.current_);
    } catch (...) {
      self.failure_ = std::current_exception();
    }
    self.fibers_[self.current_]->ended = true;
    self.pause();
  }
}

void Fibers::make_context(Fiber& fiber) {
  drop_fake_stack(fiber);
  fiber.started = true;
  entering = this;
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, &Fibers::enter, 0);
#if defined(__SANITIZE_ADDRESS__)
  fiber.bottom = fiber.stack.get();
  fiber.bytes = kStackBytes;
#elif defined(__SANITIZE_THREAD__)
  if (fiber.history) __tsan_destroy_fiber(fiber.history);
  fiber.history = __tsan_create_fiber(0);
#endif
}

#if defined(__SANITIZE_ADDRESS__)
void Fibers::go(Fiber& from, Fiber& to, bool) {
  __sanitizer_start_switch_fiber(&from.fake_stack, to.bottom, to.bytes);
  swapcontext(&from.context, &to.context);
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(from.fake_stack, &bottom, &bytes);
  if (&from == home_.get()) return;
  home_->bottom = bottom;
  home_->bytes = bytes;
}
#elif defined(__SANITIZE_THREAD__)
void Fibers::go(Fiber& from, Fiber& to, bool) {
  __tsan_switch_to_fiber(to.history, 0);
  swapcontext(&from.context, &to.context);
}
#else
void Fibers::go(Fiber& from, Fiber& to, bool is_new) {
  if (_setjmp(from.jump) != 0) return;
  if (is_new) setcontext(&to.context);
  _longjmp(to.jump, 1);
}
#endif

void Fibers::resume(std::size_t number) {
  Fiber& fiber = *fibers_[number];
  const bool is_new = !fiber.started;
  current_ = number;
  if (is_new) make_context(fiber);
#if defined(__SANITIZE_THREAD__)
  home_->history = __tsan_get_current_fiber();
#endif
  go(*home_, fiber, is_new);
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

#if defined(__SANITIZE_ADDRESS__)
// asan keeps what functions return from in a stack of its own, more than a megabyte a fiber, and
// lets go of it where the fiber itself says that it leaves for good.
void Fibers::drop_fake_stack(Fiber& fiber) {
  if (fiber.fake_stack == nullptr) return;
  leaving_ = true;
  go(*home_, fiber, false);
  leaving_ = false;
  fiber.fake_stack = nullptr;
}

__attribute__((no_sanitize("address"))) void Fibers::pause() {
  go(*fibers_[current_], *home_, false);
  if (!leaving_) return;
  __sanitizer_start_switch_fiber(nullptr, home_->bottom, home_->bytes);
  setcontext(&home_->context);
}
#else
void Fibers::drop_fake_stack(Fiber&) {}
void Fibers::pause() { go(*fibers_[current_], *home_, false); }
#endif

Fibers::~Fibers() {
  for (std::size_t i = 0; i < fibers_.size(); ++i) {
    current_ = i;
    drop_fake_stack(*fibers_[i]);
  }
}

bool Fibers::has_ended(std::size_t fiber) const { return fibers_[fiber]->ended; }

}  // namespace longspan::emulator
