#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "gguf/header.h"
#include "gguf/test_file.h"

namespace hearth::gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TestFile;

class MetadataTest : public ::testing::Test {
 protected:
  MetadataTest() : bytes_(testing::small_file().bytes()), header_(parse_header(testing::as_bytes(bytes_))) {}

  const Metadata& metadata() const { return header_->metadata; }

  template <typename T>
  void expect_message(const Result<T>& result, std::string_view message) {
    ASSERT_FALSE(result.has_value());
    EXPECT_THAT(result.error().message, HasSubstr(std::string(message)));
  }

  std::string bytes_;
  Result<Header> header_;
};

TEST_F(MetadataTest, KeepsFileOrderAndFindsKeys) {
  EXPECT_EQ(metadata().entries()[1].key, "llama.block_count");
  ASSERT_NE(metadata().find("u16"), nullptr);
  EXPECT_EQ(metadata().find("u16")->type, ValueType::kUint16);
  EXPECT_EQ(metadata().find("u17"), nullptr);
  EXPECT_EQ(metadata().find(""), nullptr);
}

TEST_F(MetadataTest, AbsentKeysGiveNothing) {
  EXPECT_EQ(*metadata().get_uint("none"), std::nullopt);
  EXPECT_EQ(*metadata().get_float("none"), std::nullopt);
  EXPECT_EQ(*metadata().get_bool("none"), std::nullopt);
  EXPECT_EQ(*metadata().get_string("none"), std::nullopt);
  EXPECT_EQ(*metadata().get_int_array("none"), std::nullopt);
  EXPECT_EQ(*metadata().get_float_array("none"), std::nullopt);
  EXPECT_FALSE(metadata().get_string_array("none")->has_value());
}

TEST_F(MetadataTest, IntegersWiden) {
  EXPECT_EQ(*metadata().get_uint("u8"), 200u);
  EXPECT_EQ(*metadata().get_uint("u16"), 60000u);
  EXPECT_EQ(*metadata().get_uint("u64"), std::numeric_limits<uint64_t>::max());
  expect_message(metadata().get_uint("i8"), "key i8 is -5, which is no unsigned integer");
  expect_message(metadata().get_uint("i64"), "key i64 is -1");
  expect_message(metadata().get_uint("f32"), "key f32 is of type float32 where an integer is needed");
  expect_message(metadata().get_uint("bool"), "type bool");
  expect_message(metadata().get_uint("ints"), "type array of int32");
}

TEST_F(MetadataTest, FloatsTakeIntegersThatTheyCanHold) {
  EXPECT_EQ(*metadata().get_float("f32"), 0.5);
  EXPECT_EQ(*metadata().get_float("f64"), 1e300);
  EXPECT_EQ(*metadata().get_float("i32"), -70000.0);
  expect_message(metadata().get_float("u64"),
                 "key u64 is 18446744073709551615, which is no number a double can hold");
  expect_message(metadata().get_float("general.architecture"), "type string");
}

TEST_F(MetadataTest, BoolsAndStringsAreStrict) {
  EXPECT_EQ(*metadata().get_bool("bool"), true);
  expect_message(metadata().get_bool("u8"), "key u8 is of type uint8 where a bool is needed");
  EXPECT_EQ(*metadata().get_string("general.architecture"), "llama");
  expect_message(metadata().get_string("strings"), "type array of string where a string is needed");
}

TEST_F(MetadataTest, IntegerArraysTakeScalarsAndBools) {
  EXPECT_THAT(**metadata().get_int_array("ints"), ElementsAre(-1, 7));
  EXPECT_THAT(**metadata().get_int_array("bools"), ElementsAre(1, 0, 1));
  EXPECT_THAT(**metadata().get_int_array("u16"), ElementsAre(60000));
  EXPECT_THAT(**metadata().get_int_array("bool"), ElementsAre(1));
  EXPECT_THAT(**metadata().get_int_array("empty"), ElementsAre());
  expect_message(metadata().get_int_array("u64"), "no signed 64-bit integer");
  expect_message(metadata().get_int_array("floats"), "type array of float32 where integers are needed");
  expect_message(metadata().get_int_array("strings"), "array of string");
}

TEST_F(MetadataTest, FloatArraysTakeScalarsAndSmallIntegers) {
  EXPECT_THAT(**metadata().get_float_array("floats"), ElementsAre(1.5f, -2.0f));
  EXPECT_THAT(**metadata().get_float_array("ints"), ElementsAre(-1.0f, 7.0f));
  EXPECT_THAT(**metadata().get_float_array("f32"), ElementsAre(0.5f));
  expect_message(metadata().get_float_array("f64"), "no 32-bit float");
  expect_message(metadata().get_float_array("u64"), "no number a 32-bit float can hold");
  expect_message(metadata().get_float_array("bools"), "array of bool");
}

TEST_F(MetadataTest, StringArraysBorrowFromTheFile) {
  const auto strings = **metadata().get_string_array("strings");
  EXPECT_THAT(strings, ElementsAre("a", "", "ccc"));
  EXPECT_GE(strings[2].data(), bytes_.data());
  EXPECT_LT(strings[2].data(), bytes_.data() + bytes_.size());
  expect_message(metadata().get_string_array("general.architecture"),
                 "type string where an array of strings");
}

}  // namespace
}  // namespace hearth::gguf
