// Which models suit this machine, for who has none yet. Measuring takes all processors for some seconds: it
// is done once, when a page first asks, in the background.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/page/page_router.h"

namespace hearth::api::page {

struct FitReport {
  struct Model {
    std::string name;
    std::string pull;  // what fetches it; empty = not known
    uint64_t size_bytes = 0;
    uint64_t memory_bytes = 0;                       // with 4096 tokens
    double prefill_tokens_per_second = 0;            // 0 = not known
    std::optional<double> decode_tokens_per_second;  // absent: it only reads
    std::string verdict;                             // "fits", "tight", "no"
    std::vector<std::string> good_for;               // purposes it is the best for
  };
  uint64_t memory_bytes = 0;  // that models may have
  double read_bytes_per_second = 0;
  double macs_per_second = 0;  // of 8 bits; 0 = not known
  std::vector<Model> models;
  std::vector<std::pair<std::string, std::string>> best;  // purpose, name; without a name none fits
};

// Thread-safe.
class MachineFit {
 public:
  // `measure` runs on a thread of its own.
  explicit MachineFit(std::function<Result<FitReport>()> measure) : measure_(std::move(measure)) {}
  ~MachineFit();

  // null: it is being measured, from now on if it was not. After an error, which is told once, it is tried
  // anew.
  Result<std::shared_ptr<const FitReport>> report();
  // What memory gives, as far as it has been measured.
  std::optional<double> read_bytes_per_second() const;

 private:
  const std::function<Result<FitReport>()> measure_;
  mutable std::mutex mutex_;
  std::shared_ptr<const FitReport> report_;
  std::optional<Error> error_;
  bool measuring_ = false;
  std::thread thread_;
};

void add_fit_route(PageRouter& routes, MachineFit& fit);

}  // namespace hearth::api::page
