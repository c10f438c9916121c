// Every check on untrusted bytes, by the class of bad input that it answers.
#include "gguf/header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "gguf/limits.h"
#include "gguf/test_file.h"

namespace hearth::gguf {
namespace {

using testing::as_bytes;
using ::testing::HasSubstr;
using testing::small_file;
using testing::TestFile;

constexpr uint64_t kHuge[] = {uint64_t{1} << 31, uint64_t{1} << 32, uint64_t{1} << 63, ~uint64_t{0}};

void expect_error(const std::string& bytes, ErrorCategory category, std::string_view message) {
  const auto header = parse_header(as_bytes(bytes));
  ASSERT_FALSE(header.has_value()) << "expected: " << message;
  EXPECT_EQ(header.error().category, category) << header.error().message;
  EXPECT_THAT(header.error().message, HasSubstr(std::string(message)));
}

void expect_corrupt(const TestFile& file, std::string_view message) {
  expect_error(file.bytes(), ErrorCategory::kCorrupt, message);
}

TestFile with_tensor(std::vector<uint64_t> dims, uint32_t type = 0, uint64_t offset = 0) {
  TestFile file;
  file.tensor("t", std::move(dims), type, offset);
  file.data.assign(4096, 'x');
  return file;
}

TEST(Header, ReadsAFileWithOneOfEverything) {
  const std::string bytes = small_file().bytes();
  const auto header = parse_header(as_bytes(bytes));
  ASSERT_TRUE(header.has_value()) << header.error().message;
  EXPECT_EQ(header->version, 3u);
  EXPECT_EQ(header->alignment, kDefaultAlignment);
  EXPECT_EQ(header->metadata.entries().size(), 17u);
  ASSERT_EQ(header->tensors.size(), 2u);
  const TensorInfo& b = header->tensors[1];
  EXPECT_EQ(b.name, "b.weight");
  EXPECT_EQ(b.dtype, kernels::DType::kQ4_0);
  EXPECT_EQ(b.shape_string(), "32 x 2");
  EXPECT_EQ(b.n_elements(), 64u);
  EXPECT_EQ(b.bytes.size(), 36u);
  EXPECT_EQ(b.bytes.data(), as_bytes(bytes).data() + header->data_offset + 32);
}

TEST(Header, ReadsVersion2) {
  TestFile file = small_file();
  file.version = 2;
  const std::string bytes = file.bytes();
  const auto header = parse_header(as_bytes(bytes));
  ASSERT_TRUE(header.has_value()) << header.error().message;
  EXPECT_EQ(header->version, 2u);
}

TEST(Header, EveryTruncationIsAnErrorOrAShorterFile) {
  const std::string bytes = small_file().bytes();
  for (size_t n = 0; n < bytes.size(); ++n) {
    const std::string cut = bytes.substr(0, n);
    EXPECT_FALSE(parse_header(as_bytes(cut)).has_value()) << n << " bytes";
  }
}

TEST(Header, FlippedBitsNeverLeaveTheFile) {
  const std::string good = small_file().bytes();
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = good;
    for (int flips = 1 + round % 3; flips > 0; --flips) bytes[random() % bytes.size()] ^= 1 << (random() % 8);
    const auto header = parse_header(as_bytes(bytes));
    if (!header) {
      EXPECT_FALSE(header.error().message.empty());
      continue;
    }
    for (const TensorInfo& tensor : header->tensors) {
      EXPECT_GE(tensor.bytes.data(), as_bytes(bytes).data());
      EXPECT_LE(tensor.bytes.data() + tensor.bytes.size(), as_bytes(bytes).data() + bytes.size());
    }
  }
}

TEST(Header, RefusesOtherMagic) {
  TestFile file;
  file.magic = "lmgg";
  expect_corrupt(file, "not a GGUF file: it begins with \"lmgg\"");
  expect_error("", ErrorCategory::kCorrupt, "only 0 bytes long");
  expect_error("version https://git-lfs.github.com/spec/v1\noid sha256:", ErrorCategory::kCorrupt,
               "Git LFS pointer");
}

TEST(Header, RefusesOtherVersions) {
  for (uint32_t version : {0u, 1u, 4u, 0xffffffffu}) {
    TestFile file = small_file();
    file.version = version;
    expect_error(file.bytes(), ErrorCategory::kUnsupported, "GGUF version " + std::to_string(version));
  }
}

TEST(Header, NamesBigEndianFiles) {
  TestFile file = small_file();
  file.version = 0x03000000;
  expect_error(file.bytes(), ErrorCategory::kUnsupported, "big-endian");
}

TEST(Header, RefusesAbsurdCounts) {
  for (uint64_t n : kHuge) {
    TestFile tensors = small_file();
    tensors.claimed_tensors = n;
    expect_corrupt(tensors, "tensors; the limit is 65536");
    TestFile entries = small_file();
    entries.claimed_entries = n;
    expect_corrupt(entries, "metadata entries; the limit is 65536");
    TestFile items;
    items.array("list", 4, n, "");
    expect_corrupt(items, "key list: " + std::to_string(n) + " items");
  }
}

TEST(Header, CountsAtTheLimitAreComparedWithTheFile) {
  TestFile file = small_file();
  file.claimed_tensors = kMaxTensors;
  expect_corrupt(file, "do not fit");
  TestFile items;
  items.array("list", 0, kMaxArrayItems, "");
  expect_corrupt(items, "do not fit into the");
  TestFile over;
  over.array("list", 0, kMaxArrayItems + 1, "");
  expect_corrupt(over, "the limit is 67108864");
}

TEST(Header, RefusesStringsLongerThanTheFile) {
  for (uint64_t n : kHuge) {
    TestFile value;
    value.entry("k", ValueType::kString, TestFile::raw(n));
    expect_corrupt(value, "key k: the value claims " + std::to_string(n) + " bytes");
    TestFile item;
    item.array("k", 8, 1, TestFile::raw(n));
    expect_corrupt(item, "key k: item 0: a string claims");
  }
  const std::string key_only = "GGUF" + TestFile::raw<uint32_t>(3) + TestFile::raw<uint64_t>(0) +
                               TestFile::raw<uint64_t>(1) + TestFile::raw(~uint64_t{0}) +
                               std::string(64, 'k');
  expect_error(key_only, ErrorCategory::kCorrupt, "metadata entry 0: the key claims");
}

TEST(Header, RefusesStringsOverTheirLimits) {
  TestFile value;
  value.string("k", std::string(kMaxStringBytes + 1, 'x'));
  expect_corrupt(value, "key k: the value is 16777217 bytes long; the limit is 16777216");
  TestFile key;
  key.u32(std::string(kMaxKeyBytes + 1, 'k'), 1);
  expect_corrupt(key, "the limit is 65536");
  TestFile chat;
  chat.string("tokenizer.chat_template", std::string(kMaxChatTemplateBytes + 1, 'x'));
  expect_corrupt(chat, "key tokenizer.chat_template: the value is 1048577 bytes long");
  TestFile named;
  named.string("tokenizer.chat_template.tool_use", std::string(kMaxChatTemplateBytes + 1, 'x'));
  expect_corrupt(named, "the limit is 1048576");
}

TEST(Header, AcceptsStringsAtTheirLimits) {
  TestFile file;
  file.string("k", std::string(kMaxStringBytes, 'x')).string(std::string(kMaxKeyBytes, 'k'), "v");
  file.string("tokenizer.chat_template", std::string(kMaxChatTemplateBytes, 'x'));
  const std::string bytes = file.bytes();
  const auto header = parse_header(as_bytes(bytes));
  ASSERT_TRUE(header.has_value()) << header.error().message;
  EXPECT_EQ((*header->metadata.get_string("k"))->size(), kMaxStringBytes);
}

TEST(Header, RefusesNestedAndUnknownArrays) {
  TestFile nested;
  nested.array("k", 9, 1, TestFile::raw<uint32_t>(4) + TestFile::raw<uint64_t>(0));
  expect_corrupt(nested, "key k: an array of arrays");
  for (uint32_t type : {13u, 100u, 0xffffffffu}) {
    TestFile array;
    array.array("k", type, 1, "xxxxxxxx");
    expect_corrupt(array, "key k: an array of unknown type " + std::to_string(type));
    TestFile value;
    value.entry("k", type, "xxxxxxxx");
    expect_corrupt(value, "key k: a value of unknown type " + std::to_string(type));
  }
}

TEST(Header, RefusesBoolsThatAreNone) {
  TestFile value;
  value.entry("k", ValueType::kBool, "\2");
  expect_corrupt(value, "key k: a bool that is neither 0 nor 1");
  TestFile array;
  array.array("k", 7, 2, std::string("\1\2"));
  expect_corrupt(array, "key k: a bool that is neither 0 nor 1");
}

TEST(Header, RefusesImpossibleAlignments) {
  for (uint32_t alignment : {0u, 1u, 3u, 4u, 33u, 8192u, 1u << 31}) {
    TestFile file = small_file();
    file.u32("general.alignment", alignment);
    expect_corrupt(file, "key general.alignment is " + std::to_string(alignment));
  }
  TestFile wide = small_file();
  wide.entry("general.alignment", ValueType::kUint64, TestFile::raw<uint64_t>(32));
  expect_corrupt(wide, "key general.alignment is of type uint64 where uint32 is needed");
  TestFile text = small_file();
  text.string("general.alignment", "32");
  expect_corrupt(text, "type string");
}

TEST(Header, UsesTheFilesAlignment) {
  for (uint32_t alignment : {8u, 4096u}) {
    TestFile file;
    file.alignment = alignment;
    file.u32("general.alignment", alignment).tensor("t", {2}, 0, alignment);
    file.data.assign(alignment, 'p') += "abcdefgh";
    const std::string bytes = file.bytes();
    const auto header = parse_header(as_bytes(bytes));
    ASSERT_TRUE(header.has_value()) << header.error().message;
    EXPECT_EQ(static_cast<char>(header->tensors[0].bytes[0]), 'a');
  }
}

TEST(Header, RefusesWrongNumbersOfDimensions) {
  expect_corrupt(with_tensor({}), "tensor t: 0 dimensions");
  expect_corrupt(with_tensor({1, 1, 1, 1, 1}), "tensor t: 5 dimensions");
}

TEST(Header, RefusesDimensionsThatWrapAround) {
  const uint64_t half = uint64_t{1} << 32;
  expect_corrupt(with_tensor({half, half}),
                 "tensor t: 4294967296 x 4294967296 of F32 is more than the file holds");
  expect_corrupt(with_tensor({half, half, half, half}), "more than the file holds");
  expect_corrupt(with_tensor({uint64_t{1} << 62, 4}), "more than the file holds");
  expect_corrupt(with_tensor({uint64_t{1} << 62}), "more than the file holds");
  expect_corrupt(with_tensor({~uint64_t{0}}), "more than the file holds");
  expect_corrupt(with_tensor({32, ~uint64_t{0}, ~uint64_t{0}}, 2), "more than the file holds");
  expect_corrupt(with_tensor({4, 0}), "tensor t: dimension 1 is 0");
}

TEST(Header, RefusesRowsOfPartialBlocks) {
  expect_corrupt(with_tensor({33, 2}, 2), "tensor t: rows of 33 values are not whole blocks of 32 (Q4_0)");
  expect_corrupt(with_tensor({128, 2}, 12), "not whole blocks of 256 (Q4_K)");
}

TEST(Header, NamesTypesThatAreNotSupported) {
  const std::pair<uint32_t, std::string> types[] = {
      {16, "IQ2_XXS"},         {26, "I32"},
      {40, "NVFP4"},           {4, "Q4_2 (removed from the format)"},
      {77, "id 77 (unknown)"}, {0xffffffff, "id 4294967295 (unknown)"}};
  for (const auto& [id, name] : types) {
    expect_error(with_tensor({256}, id).bytes(), ErrorCategory::kUnsupported,
                 "tensor t: type " + name + " is not supported");
  }
}

TEST(Header, RefusesTensorsOutsideTheFile) {
  for (uint64_t offset : {uint64_t{4096}, uint64_t{1} << 40, ~uint64_t{31}}) {
    expect_corrupt(with_tensor({8}, 0, offset), "tensor t: its 32 bytes at offset " + std::to_string(offset));
  }
  expect_corrupt(with_tensor({8}, 0, 4096),
                 "reach past the end of the file (4160 bytes); its download is probably incomplete");
  const std::string last = with_tensor({8}, 0, 4096 - 32).bytes();
  EXPECT_TRUE(parse_header(as_bytes(last)).has_value());
}

TEST(Header, RefusesUnalignedTensors) {
  expect_corrupt(with_tensor({8}, 0, 16), "tensor t: offset 16 is not a multiple of 32");
}

TEST(Header, RefusesOverlappingTensors) {
  TestFile file;
  file.tensor("a", {16}, 0, 0).tensor("b", {16}, 0, 32);
  file.data.assign(256, 'x');
  expect_corrupt(file, "tensors a and b overlap");
  TestFile same;
  same.tensor("a", {8}, 0, 32).tensor("b", {8}, 0, 32);
  same.data.assign(256, 'x');
  expect_corrupt(same, "overlap");
}

TEST(Header, RefusesDuplicateAndEmptyNames) {
  TestFile twice;
  twice.u32("k", 1).u32("other", 2).u32("k", 3);
  expect_corrupt(twice, "key k appears twice");
  TestFile nameless;
  nameless.u32("", 1);
  expect_corrupt(nameless, "metadata entry 0 has no name");
  TestFile tensor;
  tensor.tensor("", {8}, 0, 0);
  tensor.data.assign(32, 'x');
  expect_corrupt(tensor, "tensor number 0 has no name");
}

TEST(Header, MessagesCannotForgeLogLines) {
  TestFile file;
  file.u32("evil\nINFO all is well\x1b[2J", 1).u32("evil\nINFO all is well\x1b[2J", 1);
  expect_corrupt(file, "key evil\\x0aINFO all is well\\x1b[2J appears twice");
}

}  // namespace
}  // namespace hearth::gguf
