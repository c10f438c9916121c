// A thread for what may wait for the disk, so that I/O threads never do.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

#include "api/http_types.h"

namespace hearth::api {

// Work is done in the order it was given; the destructor waits for the rest of it, so work must never own, not
// even in part, what the worker belongs to: it would be the last to let go, and wait for itself.
class Worker {
 public:
  ~Worker() { thread_.join(); }

  // Does `work` some time later.
  template <typename Work>
  void post(Work work) {
    boost::asio::post(thread_, std::move(work));
  }

  // Does `work` and goes on, where the caller was, with what it returns. The worker must be there until then.
  template <typename Work>
  Task<std::invoke_result_t<Work&>> run(Work work) {
    auto task = [](Work todo) -> Task<std::invoke_result_t<Work&>> { co_return todo(); };
    co_return co_await boost::asio::co_spawn(thread_.get_executor(), task(std::move(work)),
                                             boost::asio::use_awaitable);
  }

 private:
  boost::asio::thread_pool thread_{1};
};

}  // namespace hearth::api
