#include "engine/queue_shares.h"

namespace hearth::engine {
namespace {

constexpr size_t kForEachFree = 4;  // what an owner may have

}  // namespace

Status QueueShares::take(const std::string& owner, size_t n) {
  const size_t free = capacity_ - n_taken_;
  if (n > free) {
    return fail(ErrorCategory::kQueueFull, "{} {} are waiting already; try again later", n_taken_, unit_);
  }
  const auto found = of_owner_.find(owner);
  const size_t has = found == of_owner_.end() ? 0 : found->second;
  if (has > kForEachFree * (free - n)) {
    return fail(ErrorCategory::kQueueFull,
                "{} {} of yours are waiting already, and what is free is kept for others; try again later",
                has, unit_);
  }
  of_owner_[owner] += n;
  n_taken_ += n;
  return {};
}

void QueueShares::give_back(const std::string& owner, size_t n) {
  const auto found = of_owner_.find(owner);
  found->second -= n;
  n_taken_ -= n;
  if (found->second == 0) of_owner_.erase(found);
}

}  // namespace hearth::engine
