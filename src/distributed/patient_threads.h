#pragma once

namespace longspan {

/// Has threads that start while this lives run only when their core is free, so that they interrupt
/// nobody. Gloo's reading thread must not: woken by data while another thread of its core holds the
/// connection's lock, because it writes, it would ask for events again and again until the
/// scheduler lets the writer go on.
class PatientThreads {
 public:
  PatientThreads();
  ~PatientThreads();
  PatientThreads(const PatientThreads&) = delete;
  PatientThreads& operator=(const PatientThreads&) = delete;

 private:
  void choose(int policy) const;

  bool was_usual_;
};

}  // namespace longspan
