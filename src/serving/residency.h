// Which models are in memory, and when they come and go: the decisions alone, without threads, clocks or
// models, so that a test can walk through every order of events.
//
// One caller carries the decisions out, one at a time, and reports how each ended.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "serving/generation_request.h"

namespace hearth::serving {

class Residency {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Id = size_t;

  struct Decision {
    enum class Kind {
      kLoad,    // then loaded(), load_failed() or short_of_memory()
      kUnload,  // then unloaded()
      kGiveUp,  // memory is short and nothing can leave: the requests that wait for `model` are to fail;
                // then load_failed()
      kWait,    // nothing to do until something is reported, or until `until`
    };
    Kind kind = Kind::kWait;
    Id model = 0;
    std::optional<Time> until;
  };

  // A new model, not in memory. `keep_alive`: how long it stays after its last request when none says.
  Id add(KeepAlive keep_alive);

  // A request arrives. True: the model is there and in use from now on; false: the request waits, until
  // loaded() makes all that wait users. An absent keep-alive leaves the one that holds.
  bool request(Id model, std::optional<KeepAlive> keep_alive);
  // A request that waits has left.
  void abandon(Id model);
  // A request that used the model has ended.
  void release(Id model, Time now);
  // It is to leave as soon as nobody uses it.
  void dismiss(Id model);

  // What to do next. kLoad, kUnload and kGiveUp count as begun.
  Decision decide(Time now);
  void loaded(Id model, Time now);
  void load_failed(Id model);
  // The load failed for want of memory: it is tried again once another model has left. Idle ones leave, the
  // one that has been idle longest first; never one in use.
  void short_of_memory(Id model);
  void unloaded(Id model);

  bool present(Id model) const { return models_[model].state == State::kPresent; }
  size_t n_users(Id model) const { return models_[model].n_users; }
  size_t n_waiting() const;
  // When an idle model leaves, or a used one would if its last request ended now. Absent: kept for good.
  std::optional<Time> expiry(Id model, Time now) const;

 private:
  enum class State { kAbsent, kLoading, kPresent, kLeaving };
  struct Model {
    KeepAlive default_keep_alive{};
    KeepAlive keep_alive{};
    State state = State::kAbsent;
    bool lacks_memory = false;
    size_t n_users = 0;
    size_t n_waiting = 0;
    uint64_t waits_since = 0;  // orders the loads; of the oldest request that waits
    Time idle_since{};
  };

  Decision unload(Id model);
  bool idle(const Model& model) const { return model.state == State::kPresent && model.n_users == 0; }
  std::optional<Id> longest_idle() const;
  bool any_present() const;

  std::vector<Model> models_;
  uint64_t n_requests_ = 0;
};

}  // namespace hearth::serving
