// How the ranks of one model talk. A model split by rows over several machines sums its partial products here
// and nowhere else; on one machine every call is a no-op.
#pragma once

#include <memory>
#include <span>

#include "base/result.h"

namespace hearth::cluster {

// All ranks call the same operations in the same order, from the engine's thread.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int world_size() const = 0;
  virtual int rank() const = 0;

  // values := the sum over ranks, the same bits on every rank.
  virtual Status all_reduce_sum(std::span<float> values) = 0;
  // gathered := each rank's values, in rank order; gathered.size() = world_size() · values.size().
  virtual Status all_gather(std::span<const float> values, std::span<float> gathered) = 0;
  // bytes := those of `root`.
  virtual Status broadcast(std::span<std::byte> bytes, int root) = 0;
  virtual Status send(std::span<const std::byte> bytes, int to) = 0;
  virtual Status receive(std::span<std::byte> bytes, int from) = 0;
};

// A world of one.
std::unique_ptr<Communicator> create_single_process_communicator();

}  // namespace hearth::cluster
