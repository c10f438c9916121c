// Routes of chats: listing, reading, changing, deleting, finding, and files of them. docs/page-api.md.
#pragma once

#include "api/page/page_events.h"
#include "api/page/page_router.h"
#include "api/worker.h"
#include "store/chats/chat_store.h"

namespace hearth::api::page {

// All of it outlives the router.
struct ChatServices {
  store::ChatStore& chats;
  PageEvents& events;
  Worker& disk;   // asks the store
  Worker& words;  // reads files: what takes long there keeps no chat waiting
};

void add_chat_routes(PageRouter& routes, const ChatServices& services);

}  // namespace hearth::api::page
