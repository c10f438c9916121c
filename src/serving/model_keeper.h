// Loads models when requests come for them and lets them go again, on a thread of its own: callers never wait
// for a model. Decisions are made in residency.h.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/queue_shares.h"
#include "serving/residency.h"
#include "serving/resident_model.h"

namespace hearth::serving {

// A request's use of a model, which stays in memory until `hold` is gone. Letting go is quick, on any thread.
struct ModelUse {
  std::shared_ptr<ResidentModel> model;
  std::shared_ptr<const void> hold;
  double load_ms = 0;  // that the request waited for the model
};

// Why a model was not loaded.
struct LoadFailure {
  LoadFailure(Error error_in, uint64_t missing = 0) : error(std::move(error_in)), missing_bytes(missing) {}

  Error error;
  uint64_t missing_bytes;  // not 0: so much memory was missing, and others may make room
};

// Thread-safe.
class ModelKeeper {
 private:
  struct Shared;

 public:
  using Id = Residency::Id;
  // Blocks while the model is loaded; gives up early when `stop` becomes true. One call at a time, of all
  // models. What it needs more than it finds is told before anything is read.
  using Loaded = tl::expected<std::shared_ptr<ResidentModel>, LoadFailure>;
  using Loader = std::function<Loaded(const std::atomic<bool>& stop)>;
  // Called once, on the keeper's thread or the one that shuts it down.
  using Waiter = std::function<void(Result<ModelUse>)>;

  // Names a call of acquire() beforehand. May outlive the keeper.
  class Ticket {
   public:
    // True: the waiter of that call will not be called. False: it has been, or there is none.
    bool abandon() const;

   private:
    friend class ModelKeeper;
    Ticket(std::shared_ptr<Shared> shared, uint64_t number) : shared_(std::move(shared)), number_(number) {}
    std::shared_ptr<Shared> shared_;
    uint64_t number_;
  };

  // At most `max_waiting` requests wait for models, shared by their owners (engine/queue_shares.h); more are
  // refused with kQueueFull.
  explicit ModelKeeper(size_t max_waiting);
  ~ModelKeeper();  // shut_down(0), and waits for a load that is under way

  Id add(KeepAlive keep_alive, Loader loader);

  Ticket new_ticket();
  // The model, if it is in memory. If not, nullopt, and `waiter` is called with it or with why there is none.
  // kQueueFull: too many wait, or too many of this owner's. kOverloaded: shutting down.
  Result<std::optional<ModelUse>> acquire(Id id, std::optional<KeepAlive> keep_alive,
                                          const std::string& owner, const Ticket& ticket, Waiter waiter);

  // The model leaves as soon as nobody uses it.
  void dismiss(Id id);

  struct Resident {
    Id id = 0;
    std::shared_ptr<ResidentModel> model;
    std::optional<std::chrono::milliseconds> leaves_in;  // after the last request; absent = stays for good
  };
  // Those in memory.
  std::vector<Resident> residents() const;
  bool present(Id id) const;
  size_t n_waiting(Id id) const;  // requests for it that wait for its load

  // Refuses new requests and fails those that wait; those under way have `grace` to end. Blocks until then.
  void shut_down(std::chrono::milliseconds grace);

 private:
  struct Waiting {
    uint64_t ticket = 0;
    Id id = 0;
    std::string owner;
    Residency::Time since;
    Waiter waiter;
  };
  struct Model {
    Loader loader;
    std::shared_ptr<ResidentModel> resident;
    std::optional<Error> load_error;
  };
  // What holds and tickets reach. They may outlive the keeper, so it owns no model.
  struct Shared {
    explicit Shared(size_t max_waiting) : places(max_waiting, "requests") {}

    std::mutex mutex;
    std::condition_variable changed;
    Residency residency;
    std::vector<Waiting> waiting;  // oldest first
    engine::QueueShares places;    // one for each of them
    uint64_t last_ticket = 0;
  };

  ModelUse use_locked(Id id, double load_ms);
  std::vector<Waiting> take_waiting_locked(std::optional<Id> id);
  void run();
  void load(Id id);
  void admit(Id id);
  void unload(Id id);
  void fail_waiting(Id id);

  const std::shared_ptr<Shared> shared_;
  std::vector<Model> models_;  // under shared_->mutex
  std::atomic<bool> stopping_ = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace hearth::serving
