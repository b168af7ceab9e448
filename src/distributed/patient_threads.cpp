// Linux gives a new thread the scheduling policy of the one that starts it.

#include "distributed/patient_threads.h"

#include <sched.h>

namespace longspan {

PatientThreads::PatientThreads() : was_usual_(::sched_getscheduler(0) == SCHED_OTHER) {
  choose(SCHED_BATCH);
}

PatientThreads::~PatientThreads() { choose(SCHED_OTHER); }

// Where it is refused, threads stay as they are, which costs time only.
void PatientThreads::choose(int policy) const {
  const sched_param no_priority{};
  if (was_usual_) ::sched_setscheduler(0, policy, &no_priority);
}

}  // namespace longspan
