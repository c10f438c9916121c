// The states a text under a grammar can be in, found as they are met.
//
// A state is everything that the automaton could be doing after some bytes: a set of (instruction, stack)
// pairs. Stacks are shared linked lists, so equal ones have one number; so have equal states. Transitions are
// kept once computed, which makes the walk over a vocabulary one table look-up per byte.
//
// Not thread-safe. Only grows: its owner starts a new one when bytes() is too much (export_state and
// import_state carry a place over).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_set>
#include <vector>

#include "text/grammar/grammar.h"

namespace hearth::text::grammar {

class Automaton {
 public:
  using State = uint32_t;
  static constexpr State kDead = 0;  // no text of the grammar goes on like this

  // What one piece of work (begin_work) may cost before the grammar counts as too ambiguous: pairs in one
  // state, pairs looked at, and bytes that bytes() grows by.
  static constexpr size_t kMaxPairs = 20'000;
  static constexpr size_t kMaxWork = 20'000'000;
  static constexpr size_t kMaxGrowth = size_t{64} << 20;

  explicit Automaton(std::shared_ptr<const Grammar> grammar);
  Automaton(const Automaton&) = delete;
  Automaton& operator=(const Automaton&) = delete;

  State start() const { return start_; }
  // The grammar can begin in more ways than a state can hold; its start is of no use.
  bool starts_too_ambiguous() const { return starts_too_ambiguous_; }
  State next(State state, uint8_t byte) {
    const size_t place = state * n_classes_ + grammar_->byte_class(byte);
    const State known = transitions_[place];
    return known != kUnknown ? known : compute(state, byte, place);
  }
  // Bytes that this grammar never tells apart have one class.
  size_t n_byte_classes() const { return n_classes_; }
  uint8_t byte_class(uint8_t byte) const { return grammar_->byte_class(byte); }
  bool is_complete(State state) const { return states_[state].complete; }
  // Whether anything may follow.
  bool is_final(State state) const { return states_[state].n_pairs == 0; }
  // The one byte that must come next; -1 when there is a choice, or none.
  int forced_byte(State state) const;

  // The simplest state from which the same texts of up to `reach` bytes can go on: counts of repeats that are
  // further than that from their limits are all the same.
  State canonical(State state, uint32_t reach);

  void begin_work() {
    work_ = 0;
    max_bytes_ = bytes() + kMaxGrowth;
    too_ambiguous_ = false;
  }
  // Since begin_work(), a limit was passed; states found after that are of no use.
  bool too_ambiguous() const { return too_ambiguous_; }

  size_t bytes() const;

  // A place in the text apart from this automaton's numbers.
  struct Frame {
    uint32_t instruction;  // where it goes on, or the repeat that is being counted
    uint32_t count;        // of rounds begun
    bool operator==(const Frame&) const = default;
  };
  struct Place {
    struct Pair {
      uint32_t instruction;
      std::vector<Frame> stack;  // bottom first
    };
    std::vector<Pair> pairs;
    bool complete = false;
  };
  Place export_state(State state) const;
  State import_state(const Place& place);

 private:
  using StackId = uint32_t;
  static constexpr StackId kBottom = 0;
  static constexpr State kUnknown = ~State{0};

  struct Node {
    Frame frame;
    StackId below;
    bool operator==(const Node&) const = default;
  };
  struct Pair {
    uint32_t instruction;
    StackId stack;
    bool operator==(const Pair&) const = default;
    bool operator<(const Pair& other) const {
      return instruction != other.instruction ? instruction < other.instruction : stack < other.stack;
    }
  };
  struct StateData {
    uint32_t first_pair = 0;
    uint32_t n_pairs = 0;
    bool complete = false;
  };

  std::span<const Pair> pairs(State state) const {
    return {pairs_.data() + states_[state].first_pair, states_[state].n_pairs};
  }

  State compute(State state, uint8_t byte, size_t place);
  void begin_set();
  void reach(uint32_t instruction, StackId stack);
  State finish_set();
  StackId push(Frame frame, StackId below);
  StackId canonical_stack(StackId stack, uint32_t reach);
  Frame canonical_frame(Frame frame, uint32_t reach) const;

  // Numbers of what is stored, found by content.
  struct NodeHash {
    const Automaton* owner;
    size_t operator()(StackId id) const;
  };
  struct NodeEqual {
    const Automaton* owner;
    bool operator()(StackId a, StackId b) const;
  };
  struct StateHash {
    const Automaton* owner;
    size_t operator()(State id) const;
  };
  struct StateEqual {
    const Automaton* owner;
    bool operator()(State a, State b) const;
  };

  std::shared_ptr<const Grammar> grammar_;
  size_t n_classes_;
  std::vector<Node> nodes_;  // by StackId; what is below has a smaller number
  std::vector<Pair> pairs_;
  std::vector<StateData> states_;
  std::vector<State> transitions_;  // by state and byte class
  std::unordered_set<StackId, NodeHash, NodeEqual> node_index_;
  std::unordered_set<State, StateHash, StateEqual> state_index_;
  State start_ = kDead;
  bool starts_too_ambiguous_ = false;

  size_t work_ = 0;
  size_t max_bytes_ = kMaxGrowth;
  bool too_ambiguous_ = false;

  // The set that is being gathered.
  std::vector<Pair> set_, todo_;
  std::unordered_set<uint64_t> seen_;
  bool set_complete_ = false;

  std::vector<State> canonical_states_;
  std::vector<StackId> canonical_stacks_;
  uint32_t canonical_reach_ = 0;
};

}  // namespace hearth::text::grammar
