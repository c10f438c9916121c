#include "app/progress_bar.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/terminal_text.h"

namespace hearth::app {
namespace {

constexpr auto kPatience = std::chrono::seconds(1);
constexpr auto kBetweenDrawings = std::chrono::milliseconds(100);
constexpr size_t kWidth = 20;
constexpr char kEraseLine[] = "\r\x1b[K";

}  // namespace

std::string progress_line(const std::string& label, uint64_t done_bytes, uint64_t total_bytes, double seconds,
                          uint64_t kept_bytes) {
  const double share =
      total_bytes == 0 ? 0
                       : std::min(1.0, static_cast<double>(done_bytes) / static_cast<double>(total_bytes));
  const auto filled = static_cast<size_t>(share * kWidth);
  std::string line =
      fmt::format("{}  {:>3.0f} %  [{}{}]  {} of {}", label, share * 100, std::string(filled, '#'),
                  std::string(kWidth - filled, ' '), human_bytes(done_bytes), human_bytes(total_bytes));
  if (seconds <= 0 || done_bytes <= kept_bytes) return line;
  const double rate = static_cast<double>(done_bytes - kept_bytes) / seconds;
  const double left = static_cast<double>(total_bytes - std::min(done_bytes, total_bytes)) / rate;
  return line +
         fmt::format("  {}/s  {} left", human_bytes(static_cast<uint64_t>(rate)), human_duration(left));
}

ProgressBar::ProgressBar(std::string label, std::FILE* stream, bool is_terminal)
    : label_(std::move(label)), stream_(stream), is_terminal_(is_terminal) {}

ProgressBar::~ProgressBar() {
  if (shown_) {
    std::fputs(kEraseLine, stream_);
    std::fflush(stream_);
  }
}

void ProgressBar::update(uint64_t done_bytes, uint64_t total_bytes, uint64_t kept_bytes) {
  if (!is_terminal_) return;
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  if (now - start_ < kPatience || now - drawn_ < kBetweenDrawings) return;
  drawn_ = now;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string line = kEraseLine + progress_line(label_, done_bytes, total_bytes, seconds, kept_bytes);
  std::fwrite(line.data(), 1, line.size(), stream_);
  std::fflush(stream_);
}

}  // namespace hearth::app
