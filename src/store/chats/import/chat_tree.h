// From the nodes of a foreign conversation to a chat as this program keeps it: questions of the user and
// answers, in turn.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/chats/chat.h"

namespace hearth::store {

struct ForeignNode {
  std::string id;
  std::string parent;  // empty, or of no node: it begins the chat
  bool kept = false;   // else what follows it goes to the node above
  Message message;     // if kept; its ids do not count
};

// Puts `nodes` into `chat.messages`, with the message at or above `leaf` as the leaf.
//
// - An answer behind an answer (with a tool in between, say) goes on with it.
// - Between two questions without an answer there is an empty one that was stopped.
//
// Returns the number of nodes that hang together in a circle and are left out. kInvalidArgument: two nodes
// have one id; or what branches inside of answers would have to be copied too often.
Result<size_t> build_chat_tree(std::vector<ForeignNode> nodes, const std::string& leaf, WholeChat& chat);

}  // namespace hearth::store
