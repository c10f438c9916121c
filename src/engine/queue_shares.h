// Who may have how much of a bounded queue. An owner who has something in it may take more as long as that is
// at most four times what stays free. So one alone can have four fifths, the next one finds room all the
// same, and as more of them wait, shares shrink towards equal ones (dynamic thresholds: Choudhury and Hahne,
// IEEE/ACM Transactions on Networking 6(2), 1998). Nothing that was taken is lost again.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::engine {

// Its user sees to it that one thread at a time is in here.
class QueueShares {
 public:
  // `unit` is what messages call them: "requests".
  QueueShares(size_t capacity, std::string_view unit) : capacity_(capacity), unit_(unit) {}

  // kQueueFull: the queue is full, or the owner has had its share.
  Status take(const std::string& owner, size_t n = 1);
  // At most what the owner has taken.
  void give_back(const std::string& owner, size_t n = 1);

  size_t n_taken() const { return n_taken_; }

 private:
  size_t capacity_;
  std::string_view unit_;
  size_t n_taken_ = 0;
  std::map<std::string, size_t, std::less<>> of_owner_;  // those with any
};

}  // namespace hearth::engine
