// Reads one tool call of a model's output, in one of the notations of output_syntax.h.
//
// A reader starts where a call may begin. While it is undecided, it keeps what it read, to be given back as
// text. The call has begun once its name is one of the offered tools and its arguments begin as an object;
// from then on the arguments are passed on as they come.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "text/output/output_syntax.h"

namespace hearth::text {

class CallReader {
 public:
  enum class Phase : uint8_t {
    kReading,
    kRejected,  // not a call: raw() is text
    kBroken,    // has begun, but its arguments do not go on as they should
    kOver,      // with its end marker, or where it cannot be said to go on
  };

  // `raw` is what was consumed already. Borrows the names.
  CallReader(std::span<const std::string> names, std::string raw) : names_(names), raw_(std::move(raw)) {}
  virtual ~CallReader() = default;

  // Whole characters without markers. Returns how many bytes belong to the call; where these are not all, the
  // phase is no longer kReading.
  size_t read(std::string_view text);
  // False: the marker does not belong to the call, which is then no longer kReading.
  bool read(Marker marker, std::string_view spelling);
  // No more comes.
  void abandon();

  Phase phase() const { return phase_; }
  const std::string& raw() const { return raw_; }
  bool begun() const { return begun_; }
  bool complete() const { return complete_; }  // the arguments are a whole object
  const std::string& name() const { return name_; }
  std::string take_arguments() { return std::exchange(arguments_, {}); }
  // Inside a string of the call, where markers other than a quote are part of the text.
  virtual bool in_string() const = 0;

 protected:
  // One byte. False: it does not belong to the call, and nothing of it was kept.
  virtual bool step(char c) = 0;
  virtual bool step(Marker marker) = 0;

  // The arguments have broken or were cut: what was read of them joins them.
  virtual void give_up() { arguments_ += std::exchange(held_, {}); }

  bool offers(std::string_view name) const;
  // From here on this is a call.
  void begin(std::string name);
  void end_arguments() { complete_ = true; }
  void end_call() { phase_ = Phase::kOver; }

  std::string arguments_;  // not taken yet
  std::string held_;       // read, but not yet decided what it is

 private:
  std::span<const std::string> names_;
  std::string raw_;
  std::string name_;
  bool begun_ = false;
  bool complete_ = false;
  Phase phase_ = Phase::kReading;
};

// A reader for a call that may begin with `marker` (a call's or a list's begin), or in kBareJson with a
// brace, where there is none. nullptr: no call of this syntax begins so.
std::unique_ptr<CallReader> make_call_reader(const OutputSyntax& syntax, std::optional<Marker> marker,
                                             std::span<const std::string> names);

// The notations.
std::unique_ptr<CallReader> make_json_call_reader(std::span<const std::string> names, std::string raw,
                                                  bool tagged);
std::unique_ptr<CallReader> make_python_tag_reader(std::span<const std::string> names, std::string raw);
std::unique_ptr<CallReader> make_gemma_call_reader(std::span<const std::string> names, std::string raw);
std::unique_ptr<CallReader> make_deepseek_call_reader(std::span<const std::string> names, std::string raw,
                                                      bool in_list);

}  // namespace hearth::text
