#include "api/openai/responses/output_items.h"

#include "api/openai/reply_format.h"
#include "base/random_id.h"

namespace hearth::api::openai::responses {
namespace {

// The text that a custom tool was called with. Arguments that are not whole are shown as they came.
std::string custom_input(const std::string& arguments) {
  const Result<Json> parsed = parse_json(arguments);
  if (!parsed || !parsed->is_object()) return arguments;
  const auto input = parsed->find(kCustomArgument);
  return input != parsed->end() && input->is_string() ? input->get<std::string>() : arguments;
}

}  // namespace

void OutputItems::add(const serving::GenerationEvent& event) {
  if (const auto* text = std::get_if<serving::TextDelta>(&event)) {
    add_text(*text);
  } else if (const auto* thought = std::get_if<serving::ReasoningDelta>(&event)) {
    add_reasoning(*thought);
  } else if (const auto* call = std::get_if<serving::ToolCallDelta>(&event)) {
    add_call(*call);
  } else if (const auto* end = std::get_if<serving::GenerationEnd>(&event)) {
    close(end->reason == serving::FinishReason::kLength ? "incomplete" : "completed");
  }
}

void OutputItems::add_reasoning(const serving::ReasoningDelta& delta) {
  if (delta.text.empty()) return;
  if (kind_ != Kind::kReasoning) {
    open(Kind::kReasoning, "rs_");
    Json added = place("summary_index");
    added["part"] = reasoning_part();
    emit_("response.reasoning_summary_part.added", std::move(added));
  }
  text_ += delta.text;
  Json fields = place("summary_index");
  fields["delta"] = delta.text;
  emit_("response.reasoning_summary_text.delta", std::move(fields));
}

void OutputItems::add_text(const serving::TextDelta& delta) {
  if (delta.text.empty() && delta.tokens.empty()) return;
  if (kind_ != Kind::kMessage) {
    open(Kind::kMessage, "msg_");
    Json added = place("content_index");
    added["part"] = message_part();
    emit_("response.content_part.added", std::move(added));
  }
  text_ += delta.text;
  Json logprobs = logprobs_json(delta.tokens);
  logprobs_.insert(logprobs_.end(), logprobs.begin(), logprobs.end());
  Json fields = place("content_index");
  fields["delta"] = delta.text;
  fields["logprobs"] = std::move(logprobs);
  emit_("response.output_text.delta", std::move(fields));
}

void OutputItems::add_call(const serving::ToolCallDelta& delta) {
  const bool in_call = kind_ == Kind::kCall || kind_ == Kind::kCustomCall;
  if (!in_call || call_index_ != delta.index) {
    const auto known = request_.tools.by_function.find(delta.name);
    const OfferedTools::Tool tool =
        known != request_.tools.by_function.end() ? known->second : OfferedTools::Tool{delta.name, {}, false};
    close("completed");
    call_index_ = delta.index;
    call_id_ = delta.id;
    tool_ = tool;
    open(tool.custom ? Kind::kCustomCall : Kind::kCall, tool.custom ? "ctc_" : "fc_");
  }
  text_ += delta.arguments;
  // The input of a custom tool is a string inside the arguments, which is read once they are whole.
  if (kind_ == Kind::kCustomCall || delta.arguments.empty()) return;
  Json fields = place();
  fields["delta"] = delta.arguments;
  emit_("response.function_call_arguments.delta", std::move(fields));
}

void OutputItems::open(Kind kind, const char* id_prefix) {
  close("completed");
  kind_ = kind;
  id_ = random_id(id_prefix);
  text_.clear();
  logprobs_ = Json::array();
  Json fields = Json::object();
  fields["output_index"] = items_.size();
  fields["item"] = item("in_progress");
  emit_("response.output_item.added", std::move(fields));
}

void OutputItems::close(const char* status) {
  if (kind_ == Kind::kNone) return;
  Json fields;
  const bool is_call = kind_ == Kind::kCall || kind_ == Kind::kCustomCall;
  if (is_call && text_.empty() && status != std::string_view("incomplete")) text_ = "{}";
  if (is_call && !Answer::Call{call_id_, tool_.name, text_}.whole()) status = "incomplete";
  switch (kind_) {
    case Kind::kNone:
      break;
    case Kind::kReasoning:
      fields = place("summary_index");
      fields["text"] = text_;
      emit_("response.reasoning_summary_text.done", fields);
      fields.erase("text");
      fields["part"] = reasoning_part();
      emit_("response.reasoning_summary_part.done", std::move(fields));
      break;
    case Kind::kMessage:
      fields = place("content_index");
      fields["text"] = text_;
      fields["logprobs"] = logprobs_;
      emit_("response.output_text.done", std::move(fields));
      fields = place("content_index");
      fields["part"] = message_part();
      emit_("response.content_part.done", std::move(fields));
      break;
    case Kind::kCall:
      fields = place();
      fields["name"] = tool_.name;
      fields["arguments"] = text_;
      emit_("response.function_call_arguments.done", std::move(fields));
      break;
    case Kind::kCustomCall:
      text_ = custom_input(text_);
      fields = place();
      fields["delta"] = text_;
      emit_("response.custom_tool_call_input.delta", fields);
      fields.erase("delta");
      fields["input"] = text_;
      emit_("response.custom_tool_call_input.done", std::move(fields));
      break;
  }
  Json done = Json::object();
  done["output_index"] = items_.size();
  done["item"] = item(status);
  items_.push_back(done["item"]);
  kind_ = Kind::kNone;
  emit_("response.output_item.done", std::move(done));
}

Json OutputItems::item(const char* status) const {
  const bool begun = !text_.empty();
  Json json = Json::object();
  json["id"] = id_;
  switch (kind_) {
    case Kind::kNone:
      break;
    case Kind::kReasoning:
      json["type"] = "reasoning";
      json["summary"] = begun ? Json::array({reasoning_part()}) : Json::array();
      json["encrypted_content"] = begun && request_.encrypted_reasoning ? Json(text_) : Json(nullptr);
      break;
    case Kind::kMessage:
      json["type"] = "message";
      json["role"] = "assistant";
      json["content"] = begun || !logprobs_.empty() ? Json::array({message_part()}) : Json::array();
      break;
    case Kind::kCall:
      json["type"] = "function_call";
      json["call_id"] = call_id_;
      if (!tool_.name_space.empty()) json["namespace"] = tool_.name_space;
      json["name"] = tool_.name;
      json["arguments"] = text_;
      break;
    case Kind::kCustomCall:
      json["type"] = "custom_tool_call";
      json["call_id"] = call_id_;
      if (!tool_.name_space.empty()) json["namespace"] = tool_.name_space;
      json["name"] = tool_.name;
      json["input"] = text_;
      break;
  }
  json["status"] = status;
  return json;
}

Json OutputItems::reasoning_part() const {
  Json part = Json::object();
  part["type"] = "summary_text";
  part["text"] = text_;
  return part;
}

Json OutputItems::message_part() const {
  Json part = Json::object();
  part["type"] = "output_text";
  part["text"] = text_;
  part["annotations"] = Json::array();
  part["logprobs"] = logprobs_;
  return part;
}

Json OutputItems::place() const {
  Json fields = Json::object();
  fields["item_id"] = id_;
  fields["output_index"] = items_.size();
  return fields;
}

Json OutputItems::place(const char* index_name) const {
  Json fields = place();
  fields[index_name] = 0;
  return fields;
}

Json output_of(const Answer& answer, const ResponsesRequest& request) {
  OutputItems items(request, [](const char*, const Json&) {});
  if (!answer.reasoning.empty()) items.add(serving::ReasoningDelta{answer.reasoning, {}});
  items.add(serving::TextDelta{answer.text, answer.tokens});
  for (size_t i = 0; i < answer.calls.size(); ++i) {
    const Answer::Call& call = answer.calls[i];
    items.add(serving::ToolCallDelta{i, call.id, call.name, call.arguments});
  }
  items.add(answer.end);
  return items.items();
}

}  // namespace hearth::api::openai::responses
