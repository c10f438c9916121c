// Builds the tables this processor can run, once.
#include <array>

#include "kernels/isa.h"
#include "kernels/reference/reference.h"

namespace hearth::kernels {
namespace {

class Tables {
 public:
  Tables() {
    KernelTable reference{};
    reference::install(reference);
    for (const Isa& isa : compiled_isas()) {
      if (n_ + 1 < storage_.size() && isa.supported()) {
        KernelTable table = reference;
        table.name = isa.name;
        isa.install(table);
        append(table);
      }
    }
    append(reference);
  }

  std::span<const KernelTable* const> all() const { return {pointers_.data(), n_}; }

 private:
  void append(const KernelTable& table) {
    storage_[n_] = table;
    pointers_[n_] = &storage_[n_];
    n_++;
  }

  std::array<KernelTable, 4> storage_{};
  std::array<const KernelTable*, 4> pointers_{};
  size_t n_ = 0;
};

}  // namespace

std::span<const KernelTable* const> available_kernels() {
  static const Tables tables;
  return tables.all();
}

const KernelTable* find_kernels(std::string_view name) {
  for (const KernelTable* table : available_kernels()) {
    if (table->name == name) return table;
  }
  return nullptr;
}

}  // namespace hearth::kernels
