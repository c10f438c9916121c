#include "text/output/output_parser.h"

#include <utility>

namespace hearth::text {
namespace {

using Kind = OutputEvent::Kind;

constexpr std::string_view kLineBreaks = "\r\n";
constexpr std::string_view kWhiteSpace = " \t\r\n";
constexpr std::string_view kBetweenBareCalls = " \t\r\n;";
constexpr std::string_view kTurnHeader = "model\n";  // behind kTurnBegin

}  // namespace

OutputParser::OutputParser(const OutputSyntax& syntax, OutputParserOptions options)
    : syntax_(syntax), tool_names_(std::move(options.tool_names)), scanner_(syntax) {
  if (options.starts_in_reasoning) open_reasoning();
}

void OutputParser::push(std::string_view text) {
  for (const MarkerScanner::Piece& piece : scanner_.push(text)) {
    on_text(piece.text);
    if (piece.marker) on_marker(*piece.marker);
  }
}

void OutputParser::push(Marker marker) {
  on_text(scanner_.finish());
  on_marker(marker);
}

void OutputParser::finish() {
  on_text(scanner_.finish());
  if (mode_ == Mode::kHeader) reject_header();
  if (mode_ == Mode::kCall) {
    call_->abandon();
    settle_call();
  }
  const size_t first = pending_.find_first_not_of(skipped_);
  if (mode_ == Mode::kText && first != std::string::npos) add(Kind::kText, pending_.substr(first));
  pending_.clear();
}

void OutputParser::on_text(std::string_view text) {
  while (!text.empty()) {
    switch (mode_) {
      case Mode::kText:
        text = read_text(text);
        break;
      case Mode::kReasoning:
        write(text);
        return;
      case Mode::kHeader:
        text = read_header(text);
        break;
      case Mode::kCall: {
        text.remove_prefix(call_->read(text));
        settle_call();
        break;
      }
    }
  }
}

// Returns what is left when the mode has changed.
std::string_view OutputParser::read_text(std::string_view text) {
  const bool may_call =
      syntax_.calls == CallNotation::kBareJson && (at_start_ || after_call_) && !tool_names_.empty();
  if (!may_call) {
    write(text);
    return {};
  }
  const size_t first = text.find_first_not_of(after_call_ ? kBetweenBareCalls : kWhiteSpace);
  if (first == std::string_view::npos) {
    pending_ += text;
    return {};
  }
  if (text[first] == '{') {
    pending_ += text.substr(0, first);
    begin_call(std::nullopt);
    return text.substr(first);
  }
  write(text);
  return {};
}

std::string_view OutputParser::read_header(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && header_.size() < expected_.size() && text[n] == expected_[header_.size()]) {
    header_ += text[n++];
  }
  text.remove_prefix(n);
  if (header_.size() == expected_.size()) {
    if (header_of_ == Marker::kReasoningBegin) {
      open_reasoning();
    } else {
      mode_ = before_header_;
    }
  } else if (!text.empty()) {
    reject_header();
  }
  return text;
}

void OutputParser::expect(Marker marker, std::string_view header) {
  before_header_ = mode_;
  header_of_ = marker;
  expected_ = header;
  header_.clear();
  mode_ = Mode::kHeader;
}

void OutputParser::reject_header() {
  mode_ = before_header_;
  write(syntax_.spell(header_of_));
  write(header_);
}

void OutputParser::open_reasoning() {
  mode_ = Mode::kReasoning;
  pending_.clear();
  skipped_ = kLineBreaks;
  after_call_ = false;
  wrote_reasoning_ = false;
}

void OutputParser::close_reasoning() {
  mode_ = Mode::kText;
  pending_.clear();
  skipped_ = kLineBreaks;
}

void OutputParser::on_marker(Marker marker) {
  switch (mode_) {
    case Mode::kText:
      return text_marker(marker);
    case Mode::kReasoning:
      return reasoning_marker(marker);
    case Mode::kHeader:
      return header_marker(marker);
    case Mode::kCall:
      return call_marker(marker);
  }
}

void OutputParser::text_marker(Marker marker) {
  switch (marker) {
    case Marker::kReasoningBegin:
      if (!syntax_.reasoning_anywhere && !at_start_) break;
      if (syntax_.reasoning_header.empty()) return open_reasoning();
      return expect(marker, syntax_.reasoning_header);
    case Marker::kReasoningEnd:
      if (syntax_.reasoning_anywhere) return;  // a stray one, which these models are known to write
      break;
    case Marker::kCallsBegin:
    case Marker::kCallBegin:
      if (begin_call(marker)) return;
      break;
    case Marker::kCallEnd:
    case Marker::kCallsEnd:
      if (after_call_) return;
      break;
    case Marker::kTurnBegin:
      if (at_start_) return expect(marker, kTurnHeader);
      break;
    case Marker::kSeparator:
    case Marker::kQuote:
      break;
  }
  write(syntax_.spell(marker));
}

void OutputParser::reasoning_marker(Marker marker) {
  if (marker == Marker::kReasoningEnd) return close_reasoning();
  // A model that repeats what the prompt ended with.
  if (marker == Marker::kReasoningBegin && !wrote_reasoning_) {
    if (!syntax_.reasoning_header.empty()) expect(marker, syntax_.reasoning_header);
    return;
  }
  write(syntax_.spell(marker));
}

void OutputParser::header_marker(Marker marker) {
  // Empty reasoning, its line break left out.
  if (marker == Marker::kReasoningEnd && header_of_ == Marker::kReasoningBegin &&
      header_.size() + 1 >= expected_.size()) {
    return close_reasoning();
  }
  reject_header();
  on_marker(marker);
}

void OutputParser::call_marker(Marker marker) {
  const std::string_view spelling = syntax_.spell(marker);
  if (call_->in_string() && marker != Marker::kQuote) return on_text(spelling);
  const bool taken = call_->read(marker, spelling);
  settle_call();
  if (!taken) on_marker(marker);
}

bool OutputParser::begin_call(std::optional<Marker> marker) {
  call_ = make_call_reader(syntax_, marker, tool_names_);
  if (!call_) return false;
  announced_ = false;
  ended_ = false;
  mode_ = Mode::kCall;
  return true;
}

void OutputParser::settle_call() {
  if (call_->begun()) {
    if (!std::exchange(announced_, true)) {
      pending_.clear();
      add(Kind::kCallBegin, call_->name());
    }
    add(Kind::kCallArguments, call_->take_arguments());
    if (call_->complete() && !std::exchange(ended_, true)) add(Kind::kCallEnd, {});
  }
  if (call_->phase() == CallReader::Phase::kReading) return;
  const std::unique_ptr<CallReader> call = std::move(call_);
  mode_ = Mode::kText;
  at_start_ = at_start_ && !call->begun();
  after_call_ = call->complete();
  skipped_ = call->complete() ? kWhiteSpace : std::string_view();
  if (call->phase() == CallReader::Phase::kRejected) write(call->raw());
}

// Text or reasoning, with the white space around it that the syntax does not mean.
void OutputParser::write(std::string_view text) {
  std::string all = std::exchange(pending_, {});
  all += text;
  if (!skipped_.empty()) {
    const size_t first = all.find_first_not_of(skipped_);
    if (first == std::string::npos) return;
    all.erase(0, first);
    skipped_ = {};
  }
  if (!syntax_.plain()) {
    const size_t last = all.find_last_not_of(kLineBreaks);
    const size_t end = last == std::string::npos ? 0 : last + 1;
    pending_ = all.substr(end);
    all.erase(end);
  }
  if (all.empty()) return;
  if (mode_ == Mode::kReasoning) {
    wrote_reasoning_ = true;
    add(Kind::kReasoning, all);
  } else {
    at_start_ = false;
    after_call_ = false;
    add(Kind::kText, all);
  }
}

void OutputParser::add(Kind kind, std::string_view text) {
  if (text.empty() && kind != Kind::kCallBegin && kind != Kind::kCallEnd) return;
  const bool joins = !events_.empty() && events_.back().kind == kind && kind != Kind::kCallBegin;
  if (joins) {
    events_.back().text += text;
  } else {
    events_.push_back({kind, std::string(text)});
  }
}

}  // namespace hearth::text
