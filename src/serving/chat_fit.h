// A chat that is longer than its context, made to fit by leaving out its oldest turns.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "serving/generation_request.h"
#include "serving/text_model.h"

namespace hearth::serving {

struct FittedChat {
  TextModel::EncodedChat chat;
  int64_t n_dropped_messages = 0;
};

// The chat as at most `room` tokens. Leaves out as few of the oldest messages as it can, whole turns from one
// user message up to the next, so that templates which want turns to alternate still get them and no tool
// result loses its call. System messages, tools and all from the last user message on stay. Errors: those of
// TextModel::encode; kContextExceeded with both numbers when that is still too long.
Result<FittedChat> fit_chat(const TextModel& text, const ChatPrompt& prompt, int64_t room);

}  // namespace hearth::serving
