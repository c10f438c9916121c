#include "text/grammar/automaton.h"

#include <algorithm>

namespace hearth::text::grammar {
namespace {

using Op = Instruction::Op;

uint64_t mixed(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

}  // namespace

size_t Automaton::NodeHash::operator()(StackId id) const {
  const Node& node = owner->nodes_[id];
  return mixed(mixed(mixed(0, node.frame.instruction), node.frame.count), node.below);
}

bool Automaton::NodeEqual::operator()(StackId a, StackId b) const {
  return owner->nodes_[a] == owner->nodes_[b];
}

size_t Automaton::StateHash::operator()(State id) const {
  uint64_t hash = owner->states_[id].complete ? 1 : 0;
  for (const Pair& pair : owner->pairs(id)) hash = mixed(mixed(hash, pair.instruction), pair.stack);
  return hash;
}

bool Automaton::StateEqual::operator()(State a, State b) const {
  const auto x = owner->pairs(a), y = owner->pairs(b);
  return owner->states_[a].complete == owner->states_[b].complete &&
         std::equal(x.begin(), x.end(), y.begin(), y.end());
}

Automaton::Automaton(std::shared_ptr<const Grammar> grammar)
    : grammar_(std::move(grammar)),
      n_classes_(grammar_->n_byte_classes()),
      nodes_(1),
      node_index_(64, NodeHash{this}, NodeEqual{this}),
      state_index_(64, StateHash{this}, StateEqual{this}) {
  begin_set();
  finish_set();  // the empty set, incomplete: kDead
  begin_set();
  reach(grammar_->entry(), kBottom);
  start_ = finish_set();
  starts_too_ambiguous_ = too_ambiguous_;
}

int Automaton::forced_byte(State state) const {
  int forced = -1;
  if (is_complete(state)) return -1;
  for (const Pair& pair : pairs(state)) {
    const Instruction& in = grammar_->program()[pair.instruction];
    if (in.first != in.last || (forced >= 0 && forced != in.first)) return -1;
    forced = in.first;
  }
  return forced;
}

Automaton::State Automaton::compute(State state, uint8_t byte, size_t place) {
  begin_set();
  const StateData from = states_[state];
  for (uint32_t i = 0; i < from.n_pairs; ++i) {
    const Pair pair = pairs_[from.first_pair + i];
    const Instruction& in = grammar_->program()[pair.instruction];
    if (in.first <= byte && byte <= in.last) reach(in.next, pair.stack);
  }
  work_ += from.n_pairs;
  const State next = finish_set();
  if (!too_ambiguous_) transitions_[place] = next;
  return next;
}

void Automaton::begin_set() {
  set_.clear();
  seen_.clear();
  set_complete_ = false;
}

// Adds to the set what can be reached from here before the next byte.
void Automaton::reach(uint32_t instruction, StackId stack) {
  const std::vector<Instruction>& program = grammar_->program();
  todo_.push_back({instruction, stack});
  while (!todo_.empty()) {
    const Pair pair = todo_.back();
    todo_.pop_back();
    if (seen_.size() > kMaxPairs || ++work_ > kMaxWork || too_ambiguous_) {
      too_ambiguous_ = true;
      todo_.clear();
      return;
    }
    if (!seen_.insert((uint64_t{pair.instruction} << 32) | pair.stack).second) continue;
    const Instruction& in = program[pair.instruction];
    switch (in.op) {
      case Op::kByte:
        set_.push_back(pair);
        break;
      case Op::kSplit:
        todo_.push_back({in.other, pair.stack});
        todo_.push_back({in.next, pair.stack});
        break;
      case Op::kCall:
        // A call at the end needs no way back, so that right recursion does not fill the stack.
        todo_.push_back(
            {in.other, program[in.next].op == Op::kReturn ? pair.stack : push({in.next, 0}, pair.stack)});
        break;
      case Op::kRepeat:
        if (in.min == 0) todo_.push_back({in.next, pair.stack});
        todo_.push_back({in.other, push({pair.instruction, 1}, pair.stack)});
        break;
      case Op::kReturn: {
        if (pair.stack == kBottom) {
          set_complete_ = true;
          break;
        }
        const Node top = nodes_[pair.stack];
        const Instruction& to = program[top.frame.instruction];
        // A frame at a repeat counts its rounds, unless it is the way back from a call that a repeat follows.
        if (top.frame.count == 0) {
          todo_.push_back({top.frame.instruction, top.below});
          break;
        }
        if (top.frame.count >= to.min) todo_.push_back({to.next, top.below});
        if (top.frame.count < to.max) {
          const bool counts = to.max != kUnbounded || top.frame.count < to.min;
          const uint32_t count = top.frame.count + (counts ? 1 : 0);
          todo_.push_back({to.other, push({top.frame.instruction, count}, top.below)});
        }
        break;
      }
    }
  }
}

Automaton::State Automaton::finish_set() {
  if (too_ambiguous_) return kDead;
  std::sort(set_.begin(), set_.end());
  const auto id = static_cast<State>(states_.size());
  states_.push_back(
      {static_cast<uint32_t>(pairs_.size()), static_cast<uint32_t>(set_.size()), set_complete_});
  pairs_.insert(pairs_.end(), set_.begin(), set_.end());
  const auto [known, is_new] = state_index_.insert(id);
  if (is_new) {
    transitions_.resize(transitions_.size() + n_classes_, kUnknown);
    if (bytes() > max_bytes_) too_ambiguous_ = true;
    return id;
  }
  states_.pop_back();
  pairs_.resize(pairs_.size() - set_.size());
  return *known;
}

Automaton::StackId Automaton::push(Frame frame, StackId below) {
  const auto id = static_cast<StackId>(nodes_.size());
  nodes_.push_back({frame, below});
  const auto [known, is_new] = node_index_.insert(id);
  if (!is_new) nodes_.pop_back();
  return *known;
}

Automaton::Frame Automaton::canonical_frame(Frame frame, uint32_t reach) const {
  if (frame.count == 0) return frame;
  const Instruction& repeat = grammar_->program()[frame.instruction];
  if (frame.count < repeat.min) {
    if (repeat.min - frame.count > reach) frame.count = repeat.min - reach - 1;
  } else if (repeat.max - frame.count > reach) {
    frame.count = std::max(repeat.min, uint32_t{1});
  }
  return frame;
}

Automaton::StackId Automaton::canonical_stack(StackId stack, uint32_t reach) {
  // Down to what is known, then up again.
  std::vector<StackId> path;
  while (stack != kBottom && (stack >= canonical_stacks_.size() || canonical_stacks_[stack] == kUnknown)) {
    path.push_back(stack);
    stack = nodes_[stack].below;
  }
  StackId canonical = stack == kBottom ? kBottom : canonical_stacks_[stack];
  for (size_t i = path.size(); i-- > 0;) {
    canonical = push(canonical_frame(nodes_[path[i]].frame, reach), canonical);
    if (canonical_stacks_.size() < nodes_.size()) canonical_stacks_.resize(nodes_.size(), kUnknown);
    canonical_stacks_[path[i]] = canonical;
  }
  return canonical;
}

Automaton::State Automaton::canonical(State state, uint32_t reach) {
  if (canonical_reach_ != reach) {
    canonical_states_.clear();
    canonical_stacks_.clear();
    canonical_reach_ = reach;
  }
  if (canonical_states_.size() < states_.size()) canonical_states_.resize(states_.size(), kUnknown);
  if (canonical_states_[state] != kUnknown) return canonical_states_[state];
  begin_set();
  set_complete_ = states_[state].complete;
  for (const Pair& pair : pairs(state)) {
    set_.push_back({pair.instruction, canonical_stack(pair.stack, reach)});
  }
  std::sort(set_.begin(), set_.end());
  set_.erase(std::unique(set_.begin(), set_.end()), set_.end());
  return canonical_states_[state] = finish_set();
}

size_t Automaton::bytes() const {
  // An entry of an index takes a node of about 40 bytes.
  constexpr size_t kIndexBytes = 40;
  return nodes_.capacity() * sizeof(Node) + pairs_.capacity() * sizeof(Pair) +
         states_.capacity() * sizeof(StateData) + transitions_.capacity() * sizeof(State) +
         (nodes_.size() + states_.size()) * kIndexBytes +
         (canonical_states_.capacity() + canonical_stacks_.capacity()) * sizeof(State);
}

Automaton::Place Automaton::export_state(State state) const {
  Place place;
  place.complete = states_[state].complete;
  for (const Pair& pair : pairs(state)) {
    Place::Pair& out = place.pairs.emplace_back(Place::Pair{pair.instruction, {}});
    for (StackId id = pair.stack; id != kBottom; id = nodes_[id].below) out.stack.push_back(nodes_[id].frame);
    std::reverse(out.stack.begin(), out.stack.end());
  }
  return place;
}

Automaton::State Automaton::import_state(const Place& place) {
  begin_set();
  set_complete_ = place.complete;
  for (const Place::Pair& pair : place.pairs) {
    StackId stack = kBottom;
    for (const Frame& frame : pair.stack) stack = push(frame, stack);
    set_.push_back({pair.instruction, stack});
  }
  return finish_set();
}

}  // namespace hearth::text::grammar
