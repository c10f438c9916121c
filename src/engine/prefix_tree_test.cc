#include "engine/prefix_tree.h"

#include <gtest/gtest.h>

#include <numeric>

namespace hearth::engine {
namespace {

using tensor::kBlockTokens;
using tensor::kNoBlock;

std::vector<int32_t> text(int64_t n, int32_t first = 0) {
  std::vector<int32_t> tokens(static_cast<size_t>(n));
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

class PrefixTreeTest : public testing::Test {
 protected:
  // A window of 100 positions reaches over two or three blocks.
  PrefixTree tree_{{&full_, &sliding_}, 100};

  // Enters a text as a sequence would that was then done with it.
  void enter(const std::string& scope, const std::vector<int32_t>& tokens) {
    tree_.tick();
    PrefixNode* node = tree_.root(scope);
    for (size_t begin = 0; begin < tokens.size(); begin += kBlockTokens) {
      const auto run =
          std::span(tokens).subspan(begin, std::min<size_t>(kBlockTokens, tokens.size() - begin));
      const BlockId blocks[] = {*full_.acquire(), *sliding_.acquire()};
      PrefixNode* next = tree_.insert(node, run, blocks);
      full_.release(blocks[0]);
      sliding_.release(blocks[1]);
      if (next == nullptr) return;
      for (const int kind : {0, 1}) tree_.touch(next, kind);
      node = next;
    }
  }

  int64_t found(const std::string& scope, const std::vector<int32_t>& tokens) const {
    return tree_.match(scope, tokens).n_positions();
  }

  BlockPool full_{16}, sliding_{16};
};

TEST_F(PrefixTreeTest, FindsTheLongestCommonBeginning) {
  EXPECT_EQ(found("", text(200)), 0);
  enter("", text(200));
  EXPECT_EQ(found("", text(200)), 200);
  EXPECT_EQ(found("", text(1000)), 200);
  for (const int64_t n : {1, 63, 64, 65, 128, 150}) {
    EXPECT_EQ(found("", text(n)), n);
    std::vector<int32_t> other = text(200);
    other[static_cast<size_t>(n)] = -1;
    EXPECT_EQ(found("", other), n);
  }
  EXPECT_EQ(found("", text(200, 1)), 0);
}

TEST_F(PrefixTreeTest, WithoutCopiesOnlyWholeBlocksCount) {
  enter("", text(200));
  EXPECT_EQ(tree_.match("", text(150), false).n_positions(), 128);
}

TEST_F(PrefixTreeTest, ScopesDoNotSeeEachOther) {
  enter("a", text(100));
  EXPECT_EQ(found("b", text(100)), 0);
  EXPECT_EQ(found("", text(100)), 0);
  enter("b", text(64));
  EXPECT_EQ(found("b", text(100)), 64);
  EXPECT_EQ(found("a", text(100)), 100);
}

TEST_F(PrefixTreeTest, ALongerRunReplacesAShorterOne) {
  enter("", text(10));
  EXPECT_EQ(full_.n_free(), 15);
  enter("", text(20));
  EXPECT_EQ(full_.n_free(), 15);
  enter("", text(15));  // is said already
  EXPECT_EQ(full_.n_free(), 15);
  enter("", text(64));
  EXPECT_EQ(full_.n_free(), 15);
  EXPECT_EQ(found("", text(64)), 64);
  std::vector<int32_t> other = text(20);
  other[5] = -1;
  enter("", other);  // neither says the other
  EXPECT_EQ(full_.n_free(), 14);
  EXPECT_EQ(found("", other), 20);
}

TEST_F(PrefixTreeTest, GivesUpWhatWasUsedLongestAgoFromTheEnd) {
  enter("", text(128));
  enter("", text(128, 1000));
  ASSERT_TRUE(tree_.evict(0));
  EXPECT_EQ(found("", text(128)), 64);
  EXPECT_EQ(found("", text(128, 1000)), 128);
  ASSERT_TRUE(tree_.evict(0));
  EXPECT_EQ(found("", text(128)), 0);
  EXPECT_EQ(found("", text(128, 1000)), 128);
  EXPECT_EQ(tree_.n_nodes(), 2u);
  EXPECT_EQ(sliding_.n_free(), 14);  // went with them
}

TEST_F(PrefixTreeTest, BlocksInUseStay) {
  enter("", text(128));
  const PrefixMatch match = tree_.match("", text(128));
  for (const PrefixNode* node : match.known) full_.retain(node->blocks[0]);
  EXPECT_FALSE(tree_.evict(0));
  full_.release(match.known[1]->blocks[0]);
  EXPECT_TRUE(tree_.evict(0));
  EXPECT_FALSE(tree_.evict(0));
  EXPECT_EQ(found("", text(128)), 64);
}

TEST_F(PrefixTreeTest, AWindowMustBeThereAtTheEndOfAPrefix) {
  enter("", text(448));
  // The window before position 320 begins at 221: in block 3.
  for (PrefixNode* node : tree_.match("", text(448)).known)
    node->checkpoint = node->index >= 3 && node->index <= 4;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(tree_.evict(1));
  EXPECT_EQ(found("", text(448)), 320);
  EXPECT_EQ(tree_.match("", text(448)).known.size(), 7u);
  EXPECT_EQ(found("", text(310)), 310);
  EXPECT_EQ(found("", text(290)), 0);  // its window begins at 191, in block 2
  ASSERT_TRUE(tree_.evict(1));         // now one of the marked ones
  EXPECT_EQ(found("", text(448)), 0);
  // Whoever reads it again puts the blocks back.
  enter("", text(448));
  EXPECT_EQ(found("", text(448)), 448);
  EXPECT_EQ(full_.n_free(), 9);
}

TEST_F(PrefixTreeTest, NothingIsLeftOfAScopeWithoutBlocks) {
  PrefixNode* root = tree_.root("a");
  tree_.pin(root);
  EXPECT_EQ(tree_.root("a"), root);
  enter("a", text(64));
  ASSERT_TRUE(tree_.evict(0));
  EXPECT_EQ(tree_.match("a", text(1)).root, root);
  tree_.unpin(root);
  EXPECT_EQ(tree_.match("a", text(1)).root, nullptr);
}

TEST(PrefixTreeOfWindowsAlone, GoesOnWithoutFullAttention) {
  BlockPool sliding(4);
  PrefixTree tree({nullptr, &sliding}, 64);
  PrefixNode* node = tree.root("");
  const std::vector<int32_t> tokens = text(192);
  for (size_t i = 0; i < 3; ++i) {
    const BlockId blocks[] = {kNoBlock, *sliding.acquire()};
    node = tree.insert(node, std::span(tokens).subspan(i * kBlockTokens, kBlockTokens), blocks);
    sliding.release(blocks[1]);
    tree.tick();
    tree.touch(node, 1);
  }
  ASSERT_TRUE(tree.evict(1));
  EXPECT_EQ(tree.match("", tokens).n_positions(), 192);
  ASSERT_TRUE(tree.evict(1) && tree.evict(1));
  EXPECT_FALSE(tree.evict(1));
  EXPECT_EQ(tree.n_nodes(), 0u);
  EXPECT_EQ(tree.match("", tokens).root, nullptr);
}

}  // namespace
}  // namespace hearth::engine
