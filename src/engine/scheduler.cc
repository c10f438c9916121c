#include "engine/scheduler.h"

#include <algorithm>
#include <map>
#include <set>

namespace hearth::engine {
namespace {

// Rows that a prompt gets at a time before the next one has its turn.
constexpr int64_t kReadSlice = 16;

// Tokens that must be saved to wait for another sequence instead of reading them too.
constexpr int64_t kWorthWaiting = 16;

int64_t n_common(std::span<const int32_t> a, std::span<const int32_t> b) {
  const auto n = static_cast<ptrdiff_t>(std::min(a.size(), b.size()));
  return std::mismatch(a.begin(), a.begin() + n, b.begin()).first - a.begin();
}

// What may be taken from the prefix cache: all but the last token, whose logits are wanted.
std::span<const int32_t> reusable(const Sequence& sequence) {
  return std::span(sequence.tokens).first(sequence.tokens.size() - 1);
}

}  // namespace

int64_t Scheduler::n_decoding() const {
  return std::count_if(running_.begin(), running_.end(), [](const auto& s) { return s->decoding(); });
}

std::vector<BatchItem> Scheduler::next_batch(int64_t max_prompt_rows) {
  start_waiting();
  std::vector<BatchItem> batch;
  std::vector<Sequence*> decoding;
  for (const auto& sequence : running_) {
    if (sequence->decoding()) decoding.push_back(sequence.get());
  }
  for (Sequence* sequence : decoding) {
    if (static_cast<int64_t>(batch.size()) == limits_.max_batch_rows) break;
    // Making room for one may have preempted another.
    if (!runs(*sequence) || !make_room(*sequence, sequence->n_tokens())) continue;
    batch.push_back({.sequence = sequence, .n_rows = 1, .samples = true});
  }
  add_prompts(batch, std::min(max_prompt_rows, limits_.max_batch_rows - static_cast<int64_t>(batch.size())));
  // A sequence that was preempted after it had been put on the list has no blocks any more.
  std::erase_if(batch, [&](const BatchItem& item) { return !runs(*item.sequence); });
  return batch;
}

// The first that does not fit holds the others back, so that it is not starved.
void Scheduler::start_waiting() {
  std::map<std::string_view, int64_t> n_running;  // by owner
  for (const auto& sequence : running_) ++n_running[sequence->request.cache_scope];
  std::set<const Sequence*> passed_over;  // what they need is on its way
  while (static_cast<int64_t>(running_.size()) < limits_.max_running) {
    auto next = waiting_.end();
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
      if (passed_over.contains(it->get())) continue;
      const auto rank = [&](const Sequence& s) {
        return std::pair(n_running[s.request.cache_scope], !s.has_started());
      };
      if (next == waiting_.end() || rank(**it) < rank(**next)) next = it;
    }
    if (next == waiting_.end()) return;
    Sequence& sequence = **next;
    const PrefixMatch match = cache_.match(sequence.request.cache_scope, reusable(sequence));
    if (is_being_computed(sequence, match) || is_being_loaded(sequence, match)) {
      passed_over.insert(&sequence);
      continue;
    }
    if (!running_.empty() && !cache_.fits(match, sequence.n_tokens() + 1)) return;
    sequence.n_computed = cache_.attach(sequence.blocks, sequence.request.cache_scope, reusable(sequence));
    if (!sequence.has_started()) {
      sequence.started = Clock::now();
      sequence.n_cached = sequence.n_computed;
      const int64_t n_in_memory = sequence.n_in_memory.value_or(sequence.n_cached);
      sequence.n_from_disk = std::max<int64_t>(0, sequence.n_cached - n_in_memory);
    }
    sequence.read_share.reset();
    ++n_running[sequence.request.cache_scope];
    running_.push_back(std::move(*next));
    waiting_.erase(next);
  }
}

// Whether a running sequence is about to store tokens that this one could then share.
bool Scheduler::is_being_computed(const Sequence& sequence, const PrefixMatch& match) const {
  const auto wanted = reusable(sequence);
  const int64_t n_there = match.n_positions();
  return std::any_of(running_.begin(), running_.end(), [&](const auto& other) {
    if (other->decoding() || other->request.cache_scope != sequence.request.cache_scope) return false;
    // It stands on the way that the match has gone; is the next block the same as well?
    const size_t n_blocks = other->blocks.n_shared();
    if (n_blocks > match.known.size()) return false;
    if (n_blocks > 0 && match.known[n_blocks - 1] != other->blocks.shared_end()) return false;
    const size_t begin = n_blocks * tensor::kBlockTokens;
    const auto next_block = std::span(other->tokens).subspan(begin);
    const auto n_shared =
        static_cast<int64_t>(begin) +
        n_common(next_block.first(std::min<size_t>(next_block.size(), tensor::kBlockTokens)),
                 wanted.subspan(begin));
    return n_shared >= n_there + kWorthWaiting ||
           (n_shared > n_there && n_shared == static_cast<int64_t>(wanted.size()));
  });
}

// Whether the disk has more of a sequence than the cache. It is asked once for each, so that sequences which
// take each other's blocks get on.
bool Scheduler::is_being_loaded(Sequence& sequence, const PrefixMatch& match) {
  if (disk_ == nullptr) return false;
  const auto reading =
      disk_->read(sequence.request.cache_scope, reusable(sequence), match, !sequence.n_in_memory);
  if (reading == PrefixDisk::Reading::kStarted) sequence.n_in_memory = match.n_positions();
  return reading != PrefixDisk::Reading::kNothing;
}

// Rows go to the prompt that has had the least. What a prompt gets counts as many times as its owner has
// prompts, which makes the owners' shares equal.
void Scheduler::add_prompts(std::vector<BatchItem>& batch, int64_t n_rows) {
  struct Reader {
    Sequence* sequence;
    int64_t n_rows = 0;
  };
  std::vector<Reader> readers;  // oldest first
  std::map<std::string_view, int64_t> n_readers;
  std::optional<int64_t> least;
  for (const auto& sequence : running_) {
    if (sequence->decoding()) continue;
    readers.push_back({sequence.get()});
    ++n_readers[sequence->request.cache_scope];
    const auto& share = sequence->read_share;
    if (share) least = std::min(*share, least.value_or(*share));
  }
  // New ones begin where the others are.
  for (Reader& reader : readers) {
    if (!reader.sequence->read_share) reader.sequence->read_share = least.value_or(0);
  }
  while (n_rows > 0) {
    Reader* next = nullptr;
    for (Reader& reader : readers) {
      if (reader.n_rows == reader.sequence->n_pending()) continue;
      if (next == nullptr || *reader.sequence->read_share < *next->sequence->read_share) next = &reader;
    }
    if (next == nullptr) break;
    const int64_t n = std::min({n_rows, kReadSlice, next->sequence->n_pending() - next->n_rows});
    next->n_rows += n;
    *next->sequence->read_share += n * n_readers[next->sequence->request.cache_scope];
    n_rows -= n;
  }
  for (const Reader& reader : readers) {
    Sequence& sequence = *reader.sequence;
    if (reader.n_rows == 0) continue;
    if (!runs(sequence)) continue;
    if (!make_room(sequence, sequence.n_computed + reader.n_rows)) continue;
    batch.push_back(
        {.sequence = &sequence, .n_rows = reader.n_rows, .samples = reader.n_rows == sequence.n_pending()});
  }
}

bool Scheduler::runs(const Sequence& sequence) const {
  return std::any_of(running_.begin(), running_.end(), [&](const auto& s) { return s.get() == &sequence; });
}

// Blocks for positions [0, n_positions); others give theirs up until there are enough. False when it was this
// sequence's turn to wait.
bool Scheduler::make_room(Sequence& sequence, int64_t n_positions) {
  while (!cache_.extend(sequence.blocks, n_positions)) {
    if (preempt_one() == &sequence) return false;
  }
  return true;
}

// The youngest of the owner who runs most, so that one with few is not pushed out by one with many. The
// oldest of all is never it while there is another.
const Sequence* Scheduler::preempt_one() {
  std::map<std::string_view, int64_t> n_running;
  for (const auto& sequence : running_) ++n_running[sequence->request.cache_scope];
  auto victim = running_.begin();
  for (auto it = running_.begin(); it != running_.end(); ++it) {
    const auto n = [&](const auto& place) { return n_running[(*place)->request.cache_scope]; };
    if (n(it) >= n(victim)) victim = it;
  }
  std::unique_ptr<Sequence> sequence = std::move(*victim);
  running_.erase(victim);
  ++n_preemptions_;
  give_back(*sequence);
  waiting_.push_front(std::move(sequence));
  return waiting_.front().get();
}

void Scheduler::give_back(Sequence& sequence) {
  cache_.publish(sequence.blocks, sequence.computed(), true);
  if (disk_ != nullptr) disk_->touch(sequence.blocks.shared_end());
  cache_.release(sequence.blocks);
  sequence.n_computed = 0;
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
  if (found) give_back(*found);
  return found;
}

std::vector<std::unique_ptr<Sequence>> Scheduler::remove_all() {
  std::vector<std::unique_ptr<Sequence>> all;
  for (auto& sequence : running_) all.push_back(std::move(sequence));
  for (auto& sequence : waiting_) all.push_back(std::move(sequence));
  running_.clear();
  waiting_.clear();
  for (auto& sequence : all) give_back(*sequence);
  return all;
}

}  // namespace hearth::engine
