#include <gtest/gtest.h>

#include "kernels/kernels.h"

namespace hearth::kernels {
namespace {

TEST(Dispatch, ReferenceIsLastAndFindable) {
  const auto tables = available_kernels();
  ASSERT_FALSE(tables.empty());
  EXPECT_EQ(tables.back()->name, "reference");
  for (const KernelTable* table : tables) EXPECT_EQ(find_kernels(table->name), table);
  EXPECT_EQ(find_kernels("vax"), nullptr);
}

TEST(Dispatch, EveryTableIsComplete) {
  for (const KernelTable* table : available_kernels()) {
    SCOPED_TRACE(table->name);
    for (uint32_t id = 0; id < kDTypeIds; id++) {
      const bool supported = find_dtype(id) != nullptr;
      EXPECT_EQ(table->matmul[id].run != nullptr, supported) << id;
      EXPECT_EQ(table->dequantize_row[id] != nullptr, supported) << id;
      if (supported) {
        const size_t block = find_dtype(id)->block_size;
        EXPECT_EQ(table->matmul[id].activation_group, block == 1 ? 0 : block == 32 ? 32 : 128) << id;
      }
    }
    EXPECT_NE(table->quantize_activations, nullptr);
    EXPECT_NE(table->store_row, nullptr);
    EXPECT_NE(table->rms_norm, nullptr);
    EXPECT_NE(table->layer_norm, nullptr);
    EXPECT_NE(table->rope, nullptr);
    EXPECT_NE(table->attend, nullptr);
    EXPECT_NE(table->silu_mul, nullptr);
    EXPECT_NE(table->gelu_tanh_mul, nullptr);
    EXPECT_NE(table->gelu_tanh, nullptr);
    EXPECT_NE(table->add, nullptr);
    EXPECT_NE(table->scaled_add, nullptr);
    EXPECT_NE(table->multiply, nullptr);
    EXPECT_NE(table->softmax, nullptr);
    EXPECT_NE(table->softcap, nullptr);
    EXPECT_NE(table->exp_below, nullptr);
  }
}

}  // namespace
}  // namespace hearth::kernels
