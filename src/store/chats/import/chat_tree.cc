#include "store/chats/import/chat_tree.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace hearth::store {
namespace {

constexpr size_t kMaxCopiedBytes = size_t{16} << 20;  // of answers that branch in their middle
constexpr size_t kNone = SIZE_MAX;

size_t bytes_of(const Message& message) {
  return message.content.size() + message.reasoning.size();
}

void append_paragraph(std::string& text, std::string_view more) {
  if (more.empty()) return;
  if (!text.empty()) text += "\n\n";
  text += more;
}

void go_on_with(Message& answer, Message&& more) {
  append_paragraph(answer.content, more.content);
  append_paragraph(answer.reasoning, more.reasoning);
  if (more.reasoning_ms) answer.reasoning_ms = answer.reasoning_ms.value_or(0) + *more.reasoning_ms;
  std::move(more.attachments.begin(), more.attachments.end(), std::back_inserter(answer.attachments));
  if (answer.model.empty()) answer.model = std::move(more.model);
  answer.status = more.status;
  answer.error = std::move(more.error);
  answer.finish = std::move(more.finish);
}

class TreeBuilder {
 public:
  explicit TreeBuilder(std::vector<ForeignNode> nodes) : nodes_(std::move(nodes)) {}

  Result<size_t> build(const std::string& leaf, WholeChat& chat) {
    HEARTH_CHECK_OK(link());
    created_ = chat.chat.created;
    size_t n_seen = 0;
    for (std::vector<size_t> to_do(roots_.rbegin(), roots_.rend()); !to_do.empty(); ++n_seen) {
      const size_t node = to_do.back();
      to_do.pop_back();
      HEARTH_CHECK_OK(place(node));
      const std::vector<size_t>& children = children_[node];
      to_do.insert(to_do.end(), children.rbegin(), children.rend());
    }
    const auto found = by_id_.find(leaf);
    collect(found == by_id_.end() ? kNone : place_of_[found->second], chat);
    return nodes_.size() - n_seen;
  }

 private:
  struct Placed {
    Message message;
    size_t parent = kNone;  // of placed_
    bool goes_on = false;   // answers that begin with it are there beside it
    bool followed = false;
    size_t gap = kNone;  // of a question: the empty answer before the next question
  };

  Status link() {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (!by_id_.emplace(nodes_[i].id, i).second) {
        return fail(ErrorCategory::kInvalidArgument, "two messages have the id \"{}\"",
                    nodes_[i].id.substr(0, 100));
      }
    }
    children_.resize(nodes_.size());
    above_.assign(nodes_.size(), kNone);
    place_of_.assign(nodes_.size(), kNone);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const auto parent = nodes_[i].parent.empty() ? by_id_.end() : by_id_.find(nodes_[i].parent);
      if (parent == by_id_.end()) {
        roots_.push_back(i);
      } else {
        above_[i] = parent->second;
        children_[parent->second].push_back(i);
      }
    }
    return {};
  }

  size_t add(Message message, size_t parent) {
    if (parent != kNone) placed_[parent].followed = true;
    placed_.push_back({.message = std::move(message), .parent = parent});
    return placed_.size() - 1;
  }

  // Whether nothing else follows the answer that this node goes on with.
  bool is_only_child(size_t node) const {
    for (size_t above = above_[node]; above != kNone; above = above_[above]) {
      if (children_[above].size() != 1) return false;
      if (nodes_[above].kept) break;
    }
    return true;
  }

  Status place(size_t node) {
    const size_t before = above_[node] == kNone ? kNone : place_of_[above_[node]];
    place_of_[node] = before;
    if (!nodes_[node].kept) return {};
    Message& message = nodes_[node].message;
    if (message.created <= 0) message.created = before == kNone ? created_ : placed_[before].message.created;
    const bool is_answer = message.role == MessageRole::kAssistant;
    const bool after_answer = before != kNone && placed_[before].message.role == MessageRole::kAssistant;
    if (is_answer && after_answer) return continue_answer(node, before);
    const bool needs_gap = !is_answer && before != kNone && !after_answer;
    place_of_[node] = add(std::move(message), needs_gap ? gap_after(before) : before);
    return {};
  }

  Status continue_answer(size_t node, size_t before) {
    Message& message = nodes_[node].message;
    if (is_only_child(node)) {
      go_on_with(placed_[before].message, std::move(message));
      return {};
    }
    n_copied_bytes_ += bytes_of(placed_[before].message);
    if (n_copied_bytes_ > kMaxCopiedBytes) {
      return fail(ErrorCategory::kInvalidArgument, "it has too many branches inside of long answers");
    }
    placed_[before].goes_on = true;
    Message whole = placed_[before].message;
    go_on_with(whole, std::move(message));
    place_of_[node] = add(std::move(whole), placed_[before].parent);
    return {};
  }

  size_t gap_after(size_t question) {
    if (placed_[question].gap == kNone) {
      Message nothing;
      nothing.role = MessageRole::kAssistant;
      nothing.status = MessageStatus::kStopped;
      nothing.created = placed_[question].message.created;
      const size_t gap = add(std::move(nothing), question);
      placed_[question].gap = gap;
    }
    return placed_[question].gap;
  }

  void collect(size_t leaf, WholeChat& chat) {
    for (size_t i = 0; i < placed_.size(); ++i) {
      Placed& placed = placed_[i];
      const bool only_a_beginning = placed.goes_on && !placed.followed && i != leaf;
      if (only_a_beginning) continue;
      placed.message.id = std::to_string(i);
      placed.message.parent = placed.parent == kNone ? std::string() : std::to_string(placed.parent);
      chat.messages.push_back(std::move(placed.message));
    }
    chat.chat.leaf = leaf == kNone ? std::string() : std::to_string(leaf);
  }

  std::vector<ForeignNode> nodes_;
  std::unordered_map<std::string, size_t> by_id_;
  std::vector<std::vector<size_t>> children_;
  std::vector<size_t> above_;
  std::vector<size_t> roots_;
  std::vector<size_t> place_of_;  // of each node: the message it has become part of, or what is above it
  std::vector<Placed> placed_;
  int64_t created_ = 0;
  size_t n_copied_bytes_ = 0;
};

}  // namespace

Result<size_t> build_chat_tree(std::vector<ForeignNode> nodes, const std::string& leaf, WholeChat& chat) {
  return TreeBuilder(std::move(nodes)).build(leaf, chat);
}

}  // namespace hearth::store
