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
  if (open(id)) {
    ++model.n_users;
    return true;
  }
  if (model.n_waiting++ == 0) model.waits_since = n_requests_;
  return false;
}

void Residency::abandon(Id id) {
  Model& model = models_[id];
  if (--model.n_waiting == 0) model.missing_bytes = 0;
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

  const std::optional<Id> next = next_to_load();
  if (next && models_[*next].missing_bytes > 0) return make_room(*next, wait, now);
  if (next) {
    models_[*next].state = State::kLoading;
    models_[*next].load_began = now;
    return {.kind = Decision::Kind::kLoad, .model = *next, .until = {}};
  }
  // Nobody needs the room of those that were closed for it.
  for (Id id = 0; id < models_.size(); ++id) {
    models_[id].closed = false;
    if (models_[id].state != State::kPresent || models_[id].n_waiting == 0) continue;
    return {.kind = Decision::Kind::kAdmit, .model = id, .until = {}};
  }
  return wait;
}

// The absent model with the request that has waited longest.
std::optional<Residency::Id> Residency::next_to_load() const {
  std::optional<Id> next;
  for (Id id = 0; id < models_.size(); ++id) {
    if (models_[id].state != State::kAbsent || models_[id].n_waiting == 0) continue;
    if (!next || models_[id].waits_since < models_[*next].waits_since) next = id;
  }
  return next;
}

Residency::Decision Residency::make_room(Id wanting, Decision wait, Time now) {
  const uint64_t missing = models_[wanting].missing_bytes;
  std::vector<bool> can_go(models_.size()), may_close(models_.size()), is_present(models_.size());
  std::optional<Time> next_change;
  for (Id id = 0; id < models_.size(); ++id) {
    const Model& model = models_[id];
    if (model.state != State::kPresent) continue;
    is_present[id] = true;
    const Time turn = end_of_turn(model), lingers = model.idle_since + pace_.linger;
    can_go[id] = idle(model) && (now >= turn || now >= lingers);
    may_close[id] = can_go[id] || now >= turn;
    if (may_close[id]) continue;
    const Time change = idle(model) ? std::min(turn, lingers) : turn;
    if (!next_change || change < *next_change) next_change = change;
  }
  if (const std::vector<Id> leaving = choose(missing, now, can_go); !leaving.empty())
    return unload(leaving[0]);
  if (choose(missing, now, is_present).empty()) {
    models_[wanting].state = State::kLoading;
    return {.kind = Decision::Kind::kGiveUp, .model = wanting, .until = {}};
  }
  for (const Id id : choose(missing, now, may_close)) models_[id].closed = true;
  if (next_change && (!wait.until || *next_change < *wait.until)) wait.until = next_change;
  return wait;
}

Residency::Time Residency::end_of_turn(const Model& model) const {
  const Time::duration load = model.present_since - model.load_began;
  return model.present_since + std::max<Time::duration>(pace_.turn, load * pace_.turn_loads);
}

std::vector<Residency::Id> Residency::choose(uint64_t bytes, Time now,
                                             const std::vector<bool>& may_leave) const {
  // To bring a model back costs time by its size, and the longer it has been idle the less likely that is.
  // One in use would be wanted back at once.
  struct Candidate {
    Id id;
    double cost;
  };
  std::vector<Candidate> candidates;
  for (Id id = 0; id < models_.size(); ++id) {
    if (!may_leave[id]) continue;
    const Model& model = models_[id];
    const double idle_seconds =
        idle(model) ? std::chrono::duration<double>(now - model.idle_since).count() : 0;
    candidates.push_back({id, static_cast<double>(model.bytes) / (idle_seconds + 1e-3)});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; });
  std::vector<Id> chosen;
  uint64_t freed = 0;
  for (const Candidate& candidate : candidates) {
    if (freed >= bytes) break;
    chosen.push_back(candidate.id);
    freed += models_[candidate.id].bytes;
  }
  if (freed < bytes) return {};
  // A small one may have been taken that a large one makes unnecessary.
  for (size_t i = chosen.size(); i-- > 0;) {
    const uint64_t without = freed - models_[chosen[i]].bytes;
    if (without < bytes) continue;
    freed = without;
    chosen.erase(chosen.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return chosen;
}

Residency::Decision Residency::unload(Id id) {
  models_[id].state = State::kLeaving;
  models_[id].keep_alive = models_[id].default_keep_alive;  // for requests that come from now on
  return {.kind = Decision::Kind::kUnload, .model = id, .until = {}};
}

void Residency::loaded(Id id, Time now, uint64_t bytes) {
  Model& model = models_[id];
  model.state = State::kPresent;
  model.bytes = std::max<uint64_t>(bytes, 1);
  model.missing_bytes = 0;
  model.closed = false;
  model.n_users = std::exchange(model.n_waiting, 0);
  model.idle_since = model.present_since = now;
}

void Residency::admitted(Id id) {
  Model& model = models_[id];
  model.n_users += std::exchange(model.n_waiting, 0);
}

void Residency::load_failed(Id id) {
  Model& model = models_[id];
  model.state = State::kAbsent;
  model.missing_bytes = 0;
  model.n_waiting = 0;
  model.keep_alive = model.default_keep_alive;
}

void Residency::short_of_memory(Id id, uint64_t missing_bytes) {
  models_[id].state = State::kAbsent;
  // All may have left while it was tried.
  models_[id].missing_bytes = models_[id].n_waiting > 0 ? std::max<uint64_t>(missing_bytes, 1) : 0;
}

void Residency::unloaded(Id id) {
  models_[id].state = State::kAbsent;
  for (Model& other : models_) other.missing_bytes = 0;
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

}  // namespace hearth::serving
