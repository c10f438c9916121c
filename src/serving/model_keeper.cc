#include "serving/model_keeper.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace hearth::serving {
namespace {

using Clock = std::chrono::steady_clock;

Error shutting_down() {
  return {ErrorCategory::kOverloaded, "the server is shutting down"};
}

double ms_since(Residency::Time start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

ModelKeeper::ModelKeeper(size_t max_waiting)
    : shared_(std::make_shared<Shared>(max_waiting)), thread_([this] { run(); }) {}

ModelKeeper::~ModelKeeper() {
  shut_down(std::chrono::milliseconds(0));
  thread_.join();
}

ModelKeeper::Id ModelKeeper::add(KeepAlive keep_alive, Loader loader) {
  std::lock_guard lock(shared_->mutex);
  models_.push_back({.loader = std::move(loader), .resident = nullptr, .load_error = {}});
  return shared_->residency.add(keep_alive);
}

ModelKeeper::Ticket ModelKeeper::new_ticket() {
  std::lock_guard lock(shared_->mutex);
  return {shared_, ++shared_->last_ticket};
}

Result<std::optional<ModelUse>> ModelKeeper::acquire(Id id, std::optional<KeepAlive> keep_alive,
                                                     const std::string& owner, const Ticket& ticket,
                                                     Waiter waiter) {
  std::lock_guard lock(shared_->mutex);
  if (stopping_) return propagate(shutting_down());
  const bool waits = !shared_->residency.open(id);
  if (waits) HEARTH_CHECK_OK(shared_->places.take(owner));
  shared_->residency.request(id, keep_alive);
  if (!waits) return use_locked(id, 0);
  shared_->waiting.push_back({.ticket = ticket.number_,
                              .id = id,
                              .owner = owner,
                              .since = Clock::now(),
                              .waiter = std::move(waiter)});
  shared_->changed.notify_all();
  return std::nullopt;
}

bool ModelKeeper::Ticket::abandon() const {
  Waiting found;  // let go outside the lock
  std::lock_guard lock(shared_->mutex);
  std::vector<Waiting>& waiting = shared_->waiting;
  const auto it =
      std::find_if(waiting.begin(), waiting.end(), [&](const Waiting& w) { return w.ticket == number_; });
  if (it == waiting.end()) return false;
  shared_->residency.abandon(it->id);
  shared_->places.give_back(it->owner);
  found = std::move(*it);
  waiting.erase(it);
  return true;
}

void ModelKeeper::dismiss(Id id) {
  std::lock_guard lock(shared_->mutex);
  shared_->residency.dismiss(id);
  shared_->changed.notify_all();
}

std::vector<ModelKeeper::Resident> ModelKeeper::residents() const {
  std::vector<Resident> list;
  std::lock_guard lock(shared_->mutex);
  const auto now = Clock::now();
  for (Id id = 0; id < models_.size(); ++id) {
    if (!shared_->residency.present(id)) continue;
    Resident& resident = list.emplace_back();
    resident.id = id;
    resident.model = models_[id].resident;
    if (const auto expiry = shared_->residency.expiry(id, now)) {
      resident.leaves_in = std::chrono::duration_cast<std::chrono::milliseconds>(*expiry - now);
    }
  }
  return list;
}

bool ModelKeeper::present(Id id) const {
  std::lock_guard lock(shared_->mutex);
  return shared_->residency.present(id);
}

size_t ModelKeeper::n_waiting(Id id) const {
  std::lock_guard lock(shared_->mutex);
  return static_cast<size_t>(std::count_if(shared_->waiting.begin(), shared_->waiting.end(),
                                           [&](const Waiting& request) { return request.id == id; }));
}

ModelUse ModelKeeper::use_locked(Id id, double load_ms) {
  // The hold must not own the model: it may be let go on the model's own thread, which cannot end itself.
  std::shared_ptr<const void> hold(nullptr, [shared = shared_, id](const void*) {
    std::lock_guard lock(shared->mutex);
    shared->residency.release(id, Clock::now());
    shared->changed.notify_all();
  });
  return {.model = models_[id].resident, .hold = std::move(hold), .load_ms = load_ms};
}

std::vector<ModelKeeper::Waiting> ModelKeeper::take_waiting_locked(std::optional<Id> id) {
  std::vector<Waiting>& all = shared_->waiting;
  const auto taken =
      std::stable_partition(all.begin(), all.end(), [&](const Waiting& w) { return id && w.id != *id; });
  std::vector<Waiting> result(std::make_move_iterator(taken), std::make_move_iterator(all.end()));
  all.erase(taken, all.end());
  for (const Waiting& request : result) shared_->places.give_back(request.owner);
  return result;
}

void ModelKeeper::run() {
  std::unique_lock lock(shared_->mutex);
  while (!stopping_) {
    const Residency::Decision decision = shared_->residency.decide(Clock::now());
    using Kind = Residency::Decision::Kind;
    if (decision.kind == Kind::kWait) {
      if (decision.until) {
        shared_->changed.wait_until(lock, *decision.until);
      } else {
        shared_->changed.wait(lock);
      }
      continue;
    }
    lock.unlock();
    if (decision.kind == Kind::kLoad) load(decision.model);
    if (decision.kind == Kind::kAdmit) admit(decision.model);
    if (decision.kind == Kind::kUnload) unload(decision.model);
    if (decision.kind == Kind::kGiveUp) fail_waiting(decision.model);
    lock.lock();
  }
}

void ModelKeeper::load(Id id) {
  Loader loader;
  {
    std::lock_guard lock(shared_->mutex);
    loader = models_[id].loader;
  }
  auto loaded = loader(stopping_);
  std::vector<Waiting> waiting;
  std::vector<ModelUse> uses;
  {
    std::lock_guard lock(shared_->mutex);
    if (!loaded) {
      models_[id].load_error = loaded.error().error;
    } else if (!stopping_) {
      models_[id].resident = std::move(*loaded);
      waiting = take_waiting_locked(id);
      shared_->residency.loaded(id, Clock::now(), models_[id].resident->planned_bytes());
      for (const Waiting& request : waiting) uses.push_back(use_locked(id, ms_since(request.since)));
    }
    if (!loaded && loaded.error().missing_bytes > 0) {
      shared_->residency.short_of_memory(id, loaded.error().missing_bytes);
    }
  }
  if (!loaded && loaded.error().missing_bytes == 0) fail_waiting(id);
  for (size_t i = 0; i < waiting.size(); ++i) waiting[i].waiter(std::move(uses[i]));
}

void ModelKeeper::admit(Id id) {
  std::vector<Waiting> waiting;
  std::vector<ModelUse> uses;
  {
    std::lock_guard lock(shared_->mutex);
    waiting = take_waiting_locked(id);
    shared_->residency.admitted(id);
    for (const Waiting& request : waiting) uses.push_back(use_locked(id, ms_since(request.since)));
  }
  for (size_t i = 0; i < waiting.size(); ++i) waiting[i].waiter(std::move(uses[i]));
}

void ModelKeeper::unload(Id id) {
  std::shared_ptr<ResidentModel> model;
  {
    std::lock_guard lock(shared_->mutex);
    model = std::exchange(models_[id].resident, nullptr);
  }
  // Nobody uses it: what may still hold it for a moment (a listing) does not find a thread to wait for.
  if (model) model->shut_down(std::chrono::milliseconds(0));
  model.reset();
  std::lock_guard lock(shared_->mutex);
  shared_->residency.unloaded(id);
}

void ModelKeeper::fail_waiting(Id id) {
  std::vector<Waiting> waiting;
  std::optional<Error> error;
  {
    std::lock_guard lock(shared_->mutex);
    waiting = take_waiting_locked(id);
    error = models_[id].load_error;
    shared_->residency.load_failed(id);
  }
  for (Waiting& request : waiting) request.waiter(propagate(*error));
}

void ModelKeeper::shut_down(std::chrono::milliseconds grace) {
  std::vector<Waiting> waiting;
  std::vector<std::shared_ptr<ResidentModel>> residents;
  {
    std::lock_guard lock(shared_->mutex);
    stopping_ = true;
    waiting = take_waiting_locked(std::nullopt);
    for (const Waiting& request : waiting) shared_->residency.abandon(request.id);
    for (const Model& model : models_) {
      if (model.resident) residents.push_back(model.resident);
    }
    shared_->changed.notify_all();
  }
  for (Waiting& request : waiting) request.waiter(propagate(shutting_down()));
  const auto deadline = Clock::now() + grace;
  for (const auto& model : residents) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    model->shut_down(std::max(left, std::chrono::milliseconds(0)));
  }
}

}  // namespace hearth::serving
