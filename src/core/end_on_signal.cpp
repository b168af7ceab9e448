// The handler hands the signal to a thread, which ends the process.

#include "longspan/core/end_on_signal.h"

#include <unistd.h>

#include <atomic>
#include <string>

#include "core/temporaries.h"
#include "longspan/core/error.h"
#include "longspan/core/exit_code.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

constexpr char kWhatStays[] = "what was written whole stays, and nothing else";

std::atomic<const char*> g_advice{kWhatStays};
static_assert(std::atomic<const char*>::is_always_lock_free);
InterruptTimes g_interrupts;
std::optional<SignalThread> g_thread;

extern "C" void hand_over(int signal) {
  if (signal != kSaveSignal && !g_interrupts.end_at_second(signal)) g_thread->hand_over(signal);
}

void end_by(int signal) {
  temporaries::remove_for_good();
  log::info(concat("ended by ", signal_name(signal), ": ", g_advice.load()));
  ::_exit(kSignalled + signal);
}

}  // namespace

EndOnSignal::EndOnSignal() {
  g_interrupts.forget();
  g_thread.emplace(end_by);
  caught_.emplace(hand_over);
}

EndOnSignal::~EndOnSignal() {
  caught_.reset();
  g_thread.reset();
}

void EndOnSignal::set_advice(const char* text) { g_advice = text; }

}  // namespace longspan
