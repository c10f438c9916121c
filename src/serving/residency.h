// Which models are in memory, and when they come and go: the decisions alone, without threads, clocks or
// models, so that a test can walk through every order of events.
//
// When memory is short, idle models leave: those that have been idle long for their size, and no more of them
// than are needed. Models that take turns do not push each other out for every request. One that has just
// been used, and has not been there for long, stays a moment for the next request, so that each load serves
// all requests that have gathered for it. After its turn it takes no new requests while another one waits for
// its room, ends those it has, and leaves: nobody waits for ever. None leaves while it answers.
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
      kAdmit,   // it is there and open again: those that wait become users; then admitted()
      kUnload,  // then unloaded()
      kGiveUp,  // memory is short, whoever leaves: the requests that wait for `model` are to fail; then
                // load_failed()
      kWait,    // nothing to do until something is reported, or until `until`
    };
    Kind kind = Kind::kWait;
    Id model = 0;
    std::optional<Time> until;
  };

  struct Pace {
    std::chrono::milliseconds linger{100};  // idle for less, a model may expect the next request
    std::chrono::seconds turn{5};           // how long it is there before others can close it, at least
    int turn_loads = 2;                     // and at least as long as so many of its loads take
  };
  explicit Residency(Pace pace) : pace_(pace) {}
  Residency() : Residency(Pace{}) {}

  // A new model, not in memory. `keep_alive`: how long it stays after its last request when none says.
  Id add(KeepAlive keep_alive);

  // A request arrives. True: the model is open and in use from now on; false: the request waits, until
  // loaded() or admitted() makes all that wait users. An absent keep-alive leaves the one that holds.
  bool request(Id model, std::optional<KeepAlive> keep_alive);
  // A request that waits has left.
  void abandon(Id model);
  // A request that used the model has ended.
  void release(Id model, Time now);
  // It is to leave as soon as nobody uses it.
  void dismiss(Id model);

  // What to do next. All but kWait count as begun.
  Decision decide(Time now);
  // `bytes`: what its leaving would free.
  void loaded(Id model, Time now, uint64_t bytes);
  void admitted(Id model);
  void load_failed(Id model);
  // The load failed for want of so many bytes: it is tried again once another model has left.
  void short_of_memory(Id model, uint64_t missing_bytes);
  void unloaded(Id model);

  bool present(Id model) const { return models_[model].state == State::kPresent; }
  bool open(Id model) const { return present(model) && !models_[model].closed; }
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
    uint64_t bytes = 0;          // of one that is present
    uint64_t missing_bytes = 0;  // of one whose load failed for want of memory
    bool closed = false;         // present, takes no new requests
    size_t n_users = 0;
    size_t n_waiting = 0;
    uint64_t waits_since = 0;  // orders the loads; of the oldest request that waits
    Time load_began{};
    Time present_since{};
    Time idle_since{};
  };

  Decision unload(Id model);
  Decision make_room(Id wanting, Decision wait, Time now);
  std::optional<Id> next_to_load() const;
  bool idle(const Model& model) const { return model.state == State::kPresent && model.n_users == 0; }
  Time end_of_turn(const Model& model) const;
  // Of the present models that `may_leave`, those whose leaving frees `bytes`; nothing when that is too
  // little.
  std::vector<Id> choose(uint64_t bytes, Time now, const std::vector<bool>& may_leave) const;

  Pace pace_;
  std::vector<Model> models_;
  uint64_t n_requests_ = 0;
};

}  // namespace hearth::serving
