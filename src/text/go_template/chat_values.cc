#include "text/go_template/chat_values.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "text/go_template/record.h"

namespace hearth::text::go_template {

namespace {

// What a context has under names of its own, which become other variables here.
constexpr std::string_view kRenamed[] = {"messages",  "tools",           "add_generation_prompt",
                                         "bos_token", "eos_token",       "enable_thinking",
                                         "thinking",  "reasoning_effort"};

// Texts that are joined keep their marks.
void append(PromptText& out, const PromptText& more) {
  const size_t base = out.text.size();
  out.text += more.text;
  for (const ByteRange& range : more.untrusted)
    out.untrusted.push_back({base + range.begin, base + range.end});
}

void append_paragraph(PromptText& out, const PromptText& more) {
  out.text += "\n\n";
  append(out, more);
}

// A message's text; of a list of parts, the text of all.
PromptText content_of(const Value& message) {
  const Value* content = message.find("content");
  PromptText text;
  if (content == nullptr) return text;
  if (content->is_string()) return content->as_string();
  if (!content->is_list()) return text;
  for (const Value& part : content->as_list()) {
    const Value* words = part.find("text");
    if (words != nullptr && words->is_string()) append(text, words->as_string());
  }
  return text;
}

std::string role_of(const Value& message) {
  const Value* role = message.find("role");
  return role != nullptr && role->is_string() ? role->as_string().text : std::string();
}

struct Turn {
  std::string role;
  PromptText content;
  Value message;
};

// Neighbours of one role become one message, except where that would lose what belongs to each of them.
std::vector<Turn> turns_of(const Value& messages) {
  const auto is_plain = [](const Value& message) {
    return std::none_of(message.as_map().begin(), message.as_map().end(), [](const auto& member) {
      return member.first != "role" && member.first != "content";
    });
  };
  std::vector<Turn> turns;
  for (const Value& message : messages.as_list()) {
    if (!message.is_map()) give_up("a message is not a mapping");
    Turn turn{role_of(message), content_of(message), message};
    const bool joins = !turns.empty() && turns.back().role == turn.role && turn.role != "tool" &&
                       is_plain(message) && is_plain(turns.back().message);
    if (joins) {
      append_paragraph(turns.back().content, turn.content);
    } else {
      turns.push_back(std::move(turn));
    }
  }
  return turns;
}

Datum text_of(Run& run, PromptText text) {
  MarkedText marked;
  marked.bytes = std::move(text.text);
  marked.untrusted = std::move(text.untrusted);
  return run.heap.text(std::move(marked));
}

// The message as a record, with the keys that Ollama's have.
Datum message_of(Run& run, Turn turn) {
  Value renamed = Value::map();
  renamed.set("role", turn.role);
  for (const auto& [key, value] : turn.message.as_map()) {
    if (key == "role" || key == "content") continue;
    const bool is_reasoning = key == "reasoning_content" || key == "reasoning";
    renamed.set(is_reasoning ? "thinking" : key == "name" ? "tool_name" : key, value);
  }
  Datum message = make_record(run, kMessage, renamed, 1);
  run.heap.set(message.dict(), run.heap.text("content", true), text_of(run, std::move(turn.content)));
  return message;
}

class Variables {
 public:
  Variables(Run& run, const Value& context) : run_(run) {
    for (const auto& [name, value] : context.as_map()) {
      const bool renamed = std::find(std::begin(kRenamed), std::end(kRenamed), name) != std::end(kRenamed);
      if (!renamed) given_.emplace_back(name, run.heap.value(value));
    }
    const Value* thinking = context.find("enable_thinking");
    if (thinking == nullptr) thinking = context.find("thinking");
    const bool is_set = thinking != nullptr && thinking->is_bool();
    const Value* level = context.find("reasoning_effort");
    given_.emplace_back("Think", Datum::boolean(is_set && thinking->as_bool()));
    given_.emplace_back("IsThinkSet", Datum::boolean(is_set));
    given_.emplace_back("ThinkLevel", run.heap.value(level != nullptr ? *level : Value("")));
  }

  // Of one pass, which has further ones.
  Datum with(std::vector<std::pair<std::string, Datum>> own) {
    Datum all = run_.heap.dict();
    for (const auto* part : {&given_, &own}) {
      for (const auto& [name, value] : *part) run_.heap.set(all.dict(), run_.heap.text(name, true), value);
    }
    return all;
  }

  Datum text(PromptText text) { return text_of(run_, std::move(text)); }

 private:
  Run& run_;
  std::vector<std::pair<std::string, Datum>> given_;
};

std::vector<Pass> rounds_of(Variables& variables, std::vector<Turn> turns) {
  std::vector<Pass> passes;
  PromptText system, prompt, response;
  const auto finish = [&](bool is_open) {
    Datum round = variables.with({{"System", variables.text(std::exchange(system, {}))},
                                  {"Prompt", variables.text(std::exchange(prompt, {}))},
                                  {"Response", variables.text(std::exchange(response, {}))}});
    passes.push_back({std::move(round), is_open});
  };
  for (Turn& turn : turns) {
    if (turn.role == "system") {
      if (!prompt.text.empty() || !response.text.empty()) finish(false);
      system = std::move(turn.content);
    } else if (turn.role == "user") {
      if (!response.text.empty()) finish(false);
      prompt = std::move(turn.content);
    } else if (turn.role == "assistant") {
      response = std::move(turn.content);
    }
  }
  finish(true);
  return passes;
}

}  // namespace

std::vector<Pass> chat_passes(Run& run, const Value& context, bool reads_messages) {
  const Value* messages = context.find("messages");
  if (messages == nullptr || !messages->is_list())
    give_up("the context of the template has no list of messages");
  Variables variables(run, context);
  std::vector<Turn> turns = turns_of(*messages);
  if (!reads_messages) return rounds_of(variables, std::move(turns));

  std::optional<PromptText> system;
  for (const Value& message : messages->as_list()) {
    if (role_of(message) != "system") continue;
    if (system) {
      append_paragraph(*system, content_of(message));
    } else {
      system = content_of(message);
    }
  }
  std::vector<Datum> list;
  for (Turn& turn : turns) list.push_back(message_of(run, std::move(turn)));
  const Value* tools = context.find("tools");
  const bool has_tools = tools != nullptr && tools->is_list();
  return {{variables.with({{"System", variables.text(std::move(system).value_or(PromptText()))},
                           {"Messages", run.heap.list(std::move(list))},
                           {"Tools", has_tools ? make_records(run, kTool, *tools) : run.heap.list()},
                           {"Response", run.heap.text(std::string_view())}}),
           false}};
}

}  // namespace hearth::text::go_template
