// The memory that request bodies may take together, however many connections send them.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace hearth::api {

class BodyBudget {
 public:
  explicit BodyBudget(size_t n_bytes) : n_bytes_(n_bytes) {}

  // What one request holds of it, until it goes.
  class Share {
   public:
    explicit Share(BodyBudget& budget) : budget_(budget) {}
    ~Share() { release(); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // False: the budget is used up; the share stays as it was.
    bool grow_to(size_t n_bytes) {
      if (n_bytes <= n_held_) return true;
      const size_t more = n_bytes - n_held_;
      if (budget_.n_used_.fetch_add(more) + more > budget_.n_bytes_) {
        budget_.n_used_ -= more;
        return false;
      }
      n_held_ = n_bytes;
      return true;
    }

    void release() { budget_.n_used_ -= std::exchange(n_held_, 0); }

   private:
    BodyBudget& budget_;
    size_t n_held_ = 0;
  };

 private:
  const size_t n_bytes_;
  std::atomic<size_t> n_used_ = 0;
};

}  // namespace hearth::api
