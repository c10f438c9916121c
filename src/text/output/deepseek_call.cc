// DeepSeek: between marks of its own, `function`, a separator, the name and the arguments in a ```json block
// (R1); or the name, a separator and the arguments (V3.1).
#include "text/output/call_reader.h"
#include "text/output/json_scanner.h"

namespace hearth::text {
namespace {

constexpr size_t kMaxNameBytes = 256;
constexpr std::string_view kFence = "```json";
constexpr std::string_view kEndFence = "```";

class DeepSeekCall : public CallReader {
 public:
  DeepSeekCall(std::span<const std::string> names, std::string raw, bool in_list)
      : CallReader(names, std::move(raw)), part_(in_list ? Part::kList : Part::kType) {}

  bool in_string() const override { return part_ == Part::kArguments && json_.in_string(); }

 protected:
  bool step(char c) override {
    switch (part_) {
      case Part::kList:
        return is_json_space(c);
      case Part::kType:
        type_ += c;
        return c != '\n' && type_.size() <= kMaxNameBytes;
      case Part::kName:
        if (c == '{' && function_.empty() && offers(type_)) return begin_arguments(type_);
        if (is_json_space(c) && function_.empty()) return true;
        if (c != '\n') {
          function_ += c;
          return function_.size() <= kMaxNameBytes;
        }
        part_ = Part::kFence;
        return offers(function_);
      case Part::kFence:
        if (c == '{' && (fence_.empty() || fence_ == kFence || fence_ == kEndFence)) {
          return begin_arguments(function_);
        }
        if (is_json_space(c)) return true;
        fence_ += c;
        return kFence.starts_with(fence_);
      case Part::kArguments:
        return argument_byte(c);
      case Part::kTail:
        if (is_json_space(c)) return true;
        end_fence_ += c;
        return kEndFence.starts_with(end_fence_);
    }
    return false;
  }

  bool step(Marker marker) override {
    if (marker == Marker::kCallBegin && part_ == Part::kList) {
      part_ = Part::kType;
    } else if (marker == Marker::kSeparator && part_ == Part::kType) {
      part_ = Part::kName;
    } else if (marker == Marker::kCallEnd && part_ == Part::kTail) {
      end_call();
    } else {
      return false;
    }
    return true;
  }

 private:
  enum class Part : uint8_t { kList, kType, kName, kFence, kArguments, kTail };

  bool begin_arguments(const std::string& name) {
    begin(name);
    part_ = Part::kArguments;
    return argument_byte('{');
  }

  bool argument_byte(char c) {
    const bool in_string = json_.in_string();
    if (!json_.push(c)) return false;
    append_json_byte(c, in_string, arguments_);
    if (!json_.done()) return true;
    part_ = Part::kTail;
    end_arguments();
    return true;
  }

  Part part_;
  std::string type_, function_, fence_, end_fence_;
  JsonScanner json_;
};

}  // namespace

std::unique_ptr<CallReader> make_deepseek_call_reader(std::span<const std::string> names, std::string raw,
                                                      bool in_list) {
  return std::make_unique<DeepSeekCall>(names, std::move(raw), in_list);
}

}  // namespace hearth::text
