#include "serving/residency.h"

#include <algorithm>
#include <utility>

namespace hearth::serving {

Residency::Id Residency::add(KeepAlive keep_alive) {
  Model& model = models_.emplace_back();
  model.default_keep_alive = model.keep_alive = keep_alive;
  return models_.size() - 1;
}

bool Residency::request(Id id, std::optional<KeepAlive> keep_alive) {
  Model& model = models_[id];
  if (keep_alive) model.keep_alive = *keep_alive;
  ++n_requests_;
  if (model.state == State::kPresent) {
    ++model.n_users;
    return true;
  }
  if (model.n_waiting++ == 0) model.waits_since = n_requests_;
  return false;
}

void Residency::abandon(Id id) {
  Model& model = models_[id];
  if (--model.n_waiting == 0) model.lacks_memory = false;
}

void Residency::release(Id id, Time now) {
  Model& model = models_[id];
  if (--model.n_users == 0) model.idle_since = now;
}

void Residency::dismiss(Id id) {
  Model& model = models_[id];
  if (model.state == State::kLoading || model.state == State::kPresent) model.keep_alive = KeepAlive(0);
}

Residency::Decision Residency::decide(Time now) {
  Decision wait;
  for (Id id = 0; id < models_.size(); ++id) {
    if (!idle(models_[id])) continue;
    const std::optional<Time> end = expiry(id, now);
    if (!end) continue;
    if (*end <= now) return unload(id);
    if (!wait.until || *end < *wait.until) wait.until = end;
  }

  Model* next = nullptr;
  for (Model& model : models_) {
    if (model.state != State::kAbsent || model.n_waiting == 0) continue;
    if (next == nullptr || model.waits_since < next->waits_since) next = &model;
  }
  if (next == nullptr) return wait;
  const Id id = static_cast<Id>(next - models_.data());
  if (!next->lacks_memory) {
    next->state = State::kLoading;
    return {.kind = Decision::Kind::kLoad, .model = id, .until = {}};
  }
  if (const std::optional<Id> victim = longest_idle()) return unload(*victim);
  if (any_present()) return wait;  // for one that is in use
  next->state = State::kLoading;
  return {.kind = Decision::Kind::kGiveUp, .model = id, .until = {}};
}

Residency::Decision Residency::unload(Id id) {
  models_[id].state = State::kLeaving;
  models_[id].keep_alive = models_[id].default_keep_alive;  // for requests that come from now on
  return {.kind = Decision::Kind::kUnload, .model = id, .until = {}};
}

void Residency::loaded(Id id, Time now) {
  Model& model = models_[id];
  model.state = State::kPresent;
  model.n_users = std::exchange(model.n_waiting, 0);
  model.idle_since = now;
}

void Residency::load_failed(Id id) {
  Model& model = models_[id];
  model.state = State::kAbsent;
  model.lacks_memory = false;
  model.n_waiting = 0;
  model.keep_alive = model.default_keep_alive;
}

void Residency::short_of_memory(Id id) {
  models_[id].state = State::kAbsent;
  models_[id].lacks_memory = true;
}

void Residency::unloaded(Id id) {
  models_[id].state = State::kAbsent;
  for (Model& other : models_) other.lacks_memory = false;
}

size_t Residency::n_waiting() const {
  size_t n = 0;
  for (const Model& model : models_) n += model.n_waiting;
  return n;
}

std::optional<Residency::Time> Residency::expiry(Id id, Time now) const {
  const Model& model = models_[id];
  const Time since = model.n_users > 0 ? now : model.idle_since;
  // Beyond what a clock can count is for good.
  if (model.keep_alive >= std::chrono::duration_cast<KeepAlive>(Time::max() - since)) return std::nullopt;
  return since + model.keep_alive;
}

std::optional<Residency::Id> Residency::longest_idle() const {
  std::optional<Id> found;
  for (Id id = 0; id < models_.size(); ++id) {
    if (!idle(models_[id])) continue;
    if (!found || models_[id].idle_since < models_[*found].idle_since) found = id;
  }
  return found;
}

bool Residency::any_present() const {
  return std::any_of(models_.begin(), models_.end(),
                     [](const Model& m) { return m.state == State::kPresent; });
}

}  // namespace hearth::serving
