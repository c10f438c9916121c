#include "engine/scheduler.h"

#include <algorithm>

namespace hearth::engine {

std::vector<BatchItem> Scheduler::next_batch() {
  std::vector<BatchItem> batch;
  int64_t rows_left = limits_.max_batch_rows;

  // Decoding rows first. Indices, because making room may shorten the list at its end.
  for (size_t i = 0; i < running_.size() && rows_left > 0; ++i) {
    Sequence& sequence = *running_[i];
    if (!sequence.decoding() || !make_room(sequence, sequence.n_tokens())) continue;
    batch.push_back({.sequence = &sequence, .n_rows = 1, .samples = true});
    --rows_left;
  }
  // Then prompts that have begun.
  for (size_t i = 0; i < running_.size() && rows_left > 0; ++i) {
    Sequence& sequence = *running_[i];
    if (sequence.decoding()) continue;
    const int64_t n = std::min(rows_left, sequence.n_pending());
    if (!make_room(sequence, sequence.n_computed + n)) continue;
    batch.push_back({.sequence = &sequence, .n_rows = n, .samples = n == sequence.n_pending()});
    rows_left -= n;
  }
  // Then new ones, in order; the first that does not fit holds the others back, so that it is not starved.
  while (rows_left > 0 && !waiting_.empty() && static_cast<int64_t>(running_.size()) < limits_.max_running) {
    Sequence& sequence = *waiting_.front();
    const bool alone = running_.empty();
    if (!alone && !cache_.fits_now(sequence.n_tokens() + 1)) break;
    const int64_t n = std::min(rows_left, sequence.n_pending());
    if (!cache_.extend(sequence.blocks, n)) break;
    if (sequence.started == Clock::time_point{}) sequence.started = Clock::now();
    batch.push_back({.sequence = &sequence, .n_rows = n, .samples = n == sequence.n_pending()});
    rows_left -= n;
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  // A sequence that was preempted after it had been put on the list has no blocks any more.
  std::erase_if(batch, [&](const BatchItem& item) {
    return std::none_of(running_.begin(), running_.end(),
                        [&](const auto& s) { return s.get() == item.sequence; });
  });
  return batch;
}

// Blocks for positions [0, n_positions); younger sequences give theirs up until there are enough. False when
// this sequence itself was the youngest and had to wait.
bool Scheduler::make_room(Sequence& sequence, int64_t n_positions) {
  while (!cache_.extend(sequence.blocks, n_positions)) {
    const bool itself = running_.back().get() == &sequence;
    preempt_youngest();
    if (itself) return false;
  }
  return true;
}

void Scheduler::preempt_youngest() {
  std::unique_ptr<Sequence> youngest = std::move(running_.back());
  running_.pop_back();
  cache_.release(youngest->blocks);
  youngest->n_computed = 0;
  waiting_.push_front(std::move(youngest));
}

std::unique_ptr<Sequence> Scheduler::remove(SequenceId id) {
  const auto has_id = [&](const std::unique_ptr<Sequence>& s) { return s->id == id; };
  std::unique_ptr<Sequence> found;
  if (auto it = std::find_if(running_.begin(), running_.end(), has_id); it != running_.end()) {
    found = std::move(*it);
    running_.erase(it);
  } else if (auto wait = std::find_if(waiting_.begin(), waiting_.end(), has_id); wait != waiting_.end()) {
    found = std::move(*wait);
    waiting_.erase(wait);
  }
  if (found) cache_.release(found->blocks);
  return found;
}

std::vector<std::unique_ptr<Sequence>> Scheduler::remove_all() {
  std::vector<std::unique_ptr<Sequence>> all;
  for (auto& sequence : running_) all.push_back(std::move(sequence));
  for (auto& sequence : waiting_) all.push_back(std::move(sequence));
  running_.clear();
  waiting_.clear();
  for (auto& sequence : all) cache_.release(sequence->blocks);
  return all;
}

}  // namespace hearth::engine
