// Routes of messages and their answers: asking, watching, stopping, going on.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "api/page/live_answers.h"
#include "api/page/page_router.h"

namespace hearth::api::page {

// What the routes work with; all of it outlives the router.
struct AnswerServices {
  serving::GenerationService& service;
  store::ChatStore& chats;
  LiveAnswers& answers;
  PageEvents& events;
  Worker& disk;   // asks the store
  Worker& words;  // reads prompts: what takes long there keeps no chat waiting
  // Whether somebody who listens still may: a key that was removed ends its streams. null: they may.
  std::function<bool(const std::string& owner)> welcome;
  std::chrono::milliseconds heartbeat{15'000};
};

// The one a new chat begins with: one that is in memory, else the first that writes. Empty: there is none.
// Looks at the disk.
std::string default_model(const serving::GenerationService& service);

void add_answer_routes(PageRouter& routes, const AnswerServices& services);

}  // namespace hearth::api::page
