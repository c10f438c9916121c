#include "serving/model_digest.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace hearth::serving {
namespace {

namespace fs = std::filesystem;

class ModelDigestTest : public testing::Test {
 protected:
  void SetUp() override {
    copy_ = fs::path(testing::TempDir()) / fmt::format("digest-{}.gguf", getpid());
    fs::copy_file(fs::path(HEARTH_TEST_DATA) / "models/stories260K.gguf", copy_,
                  fs::copy_options::overwrite_existing);
    changed_ = fs::last_write_time(copy_);
  }
  void TearDown() override { fs::remove(copy_); }

  Sha256Digest digest(std::string_view kernels = "reference") const {
    const auto file = gguf::ModelFile::open(copy_);
    EXPECT_TRUE(file);
    return model_digest(*file, kernels);
  }
  void change(std::streamoff at, char value) const {
    std::fstream file(copy_, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(at, at < 0 ? std::ios::end : std::ios::beg);
    file.put(value);
    file.close();
    fs::last_write_time(copy_, changed_);  // as a tool would that hides it
  }

  fs::path copy_;
  fs::file_time_type changed_;
};

TEST_F(ModelDigestTest, IsTheSameEveryTime) {
  EXPECT_EQ(digest(), digest());
}

TEST_F(ModelDigestTest, ChangesWithAnythingThatMatters) {
  const Sha256Digest before = digest();
  EXPECT_NE(digest("other"), before);
  fs::last_write_time(copy_, changed_ + std::chrono::seconds(1));
  EXPECT_NE(digest(), before);
  fs::last_write_time(copy_, changed_);
  EXPECT_EQ(digest(), before);
  change(-100, 'x');  // a weight
  EXPECT_NE(digest(), before);
}

TEST_F(ModelDigestTest, ChangesWithTheMetadata) {
  const Sha256Digest before = digest();
  std::ifstream in(copy_, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const size_t word = bytes.find("tokenizer.ggml.tokens");
  ASSERT_NE(word, std::string::npos);
  const size_t story = bytes.find("upon", word);
  ASSERT_NE(story, std::string::npos);
  change(static_cast<std::streamoff>(story), 'U');
  EXPECT_NE(digest(), before);
}

}  // namespace
}  // namespace hearth::serving
