// Whether a server that listens already can answer: the models named at its start may still be on their way.
// Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace hearth::api {

class Readiness {
 public:
  struct Loading {
    std::string model;
    uint64_t done_bytes = 0;
    uint64_t total_bytes = 0;  // 0 = not known yet
  };

  void begin(std::string model) {
    std::lock_guard lock(mutex_);
    loading_ = Loading{.model = std::move(model)};
  }
  void progress(uint64_t done_bytes, uint64_t total_bytes) {
    std::lock_guard lock(mutex_);
    if (!loading_) return;
    loading_->done_bytes = done_bytes;
    loading_->total_bytes = total_bytes;
  }
  void ready() {
    std::lock_guard lock(mutex_);
    loading_.reset();
  }
  // What is waited for; none = ready.
  std::optional<Loading> loading() const {
    std::lock_guard lock(mutex_);
    return loading_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Loading> loading_;
};

}  // namespace hearth::api
