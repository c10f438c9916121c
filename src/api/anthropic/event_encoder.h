// A message as server-sent events: message_start, content blocks one after the other, message_delta,
// message_stop.
#pragma once

#include <cstdint>
#include <optional>

#include "api/anthropic/reply_format.h"
#include "api/generation_reply.h"

namespace hearth::api::anthropic {

class EventEncoder : public ReplyEncoder {
 public:
  // `request_id` is for errors.
  EventEncoder(ReplyHead head, std::string request_id)
      : head_(std::move(head)), request_id_(std::move(request_id)) {}

  std::string_view content_type() const override { return "text/event-stream; charset=utf-8"; }
  std::string opening() override { return {}; }  // message_start waits for the prompt to be counted
  std::string encode(const StreamEvent& event) override;
  std::string closing() override;
  std::string keep_alive() override;
  std::string failure(const ApiError& error) override;

 private:
  enum class Block { kNone, kThinking, kText, kToolUse };

  std::string start_message(const serving::Usage& usage);
  std::string open(Block block, Json start);
  std::string close();
  std::string delta(const char* type, const char* field, const std::string& text) const;
  std::string finish(const serving::GenerationEnd& end);

  ReplyHead head_;
  std::string request_id_;
  bool started_ = false;
  Block block_ = Block::kNone;  // the one that is open
  size_t call_ = 0;             // of an open kToolUse
  int64_t index_ = -1;          // of the last block
};

}  // namespace hearth::api::anthropic
