#pragma once

namespace longspan::cli {

/// Has OpenMP's idle threads spin for a few microseconds only before they sleep, by starting the
/// program anew with the environment that says so, which OpenMP reads at the start only. Does
/// nothing when the user's environment says anything about it, and for verbs that compute too
/// little to repay the start. Does not return when it starts the program anew.
void let_idle_threads_sleep(char** argv);

}  // namespace longspan::cli
