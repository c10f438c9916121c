#include "app/chat/chat_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::app {
namespace {

using Kind = ChatCommand::Kind;
using ::testing::HasSubstr;

std::string assembled(std::initializer_list<const char*> lines) {
  MessageAssembler assembler;
  std::string all;
  for (const char* line : lines) {
    if (const auto text = assembler.add_line(line)) all += "<" + *text + ">";
  }
  return all + (assembler.open() ? "..." : "");
}

TEST(MessageAssembler, OneLineIsOneMessage) {
  EXPECT_EQ(assembled({"hello", "again"}), "<hello><again>");
}

TEST(MessageAssembler, QuotesHoldLinesTogether) {
  EXPECT_EQ(assembled({"\"\"\"one", "two\"\"\"", "three"}), "<one\ntwo><three>");
  EXPECT_EQ(assembled({"\"\"\"", "one", "", "two", "\"\"\""}), "<one\n\ntwo>");
  EXPECT_EQ(assembled({"\"\"\"all at once\"\"\""}), "<all at once>");
  EXPECT_EQ(assembled({"\"\"\"\"\"\""}), "<>");
  EXPECT_EQ(assembled({"\"\"\"one", "two\"\"\" three"}), "<one\ntwo three>");
  EXPECT_EQ(assembled({"\"\"\"open", "/bye"}), "...");
  EXPECT_EQ(assembled({"say \"\"\"this"}), "<say \"\"\"this>");
}

TEST(MessageAssembler, QuotesWorkInSystemTexts) {
  EXPECT_EQ(assembled({"/set system \"\"\"one", "two\"\"\""}), "</set system one\ntwo>");
}

TEST(ChatCommand, KnowsItsWords) {
  EXPECT_EQ(parse_chat_command("/help")->kind, Kind::kHelp);
  EXPECT_EQ(parse_chat_command("  /? ")->kind, Kind::kHelp);
  EXPECT_EQ(parse_chat_command("/bye")->kind, Kind::kBye);
  EXPECT_EQ(parse_chat_command("/clear")->kind, Kind::kClear);
  EXPECT_EQ(parse_chat_command("/save a b")->name, "a b");
  EXPECT_EQ(parse_chat_command("/load")->kind, Kind::kLoad);
  EXPECT_EQ(parse_chat_command("/show")->name, "info");
  EXPECT_EQ(parse_chat_command("/show template")->name, "template");
  EXPECT_TRUE(parse_chat_command("/set think")->on);
  EXPECT_FALSE(parse_chat_command("/set nothink")->on);
}

TEST(ChatCommand, TakesParametersApart) {
  const auto command = parse_chat_command("/set  parameter\ttemperature   0.5 ");
  ASSERT_TRUE(command);
  EXPECT_EQ(command->kind, Kind::kSetParameter);
  EXPECT_EQ(command->name, "temperature");
  EXPECT_EQ(command->value, "0.5");
}

TEST(ChatCommand, KeepsLinesOfASystemText) {
  const auto command = parse_chat_command("/set system one\ntwo");
  ASSERT_TRUE(command);
  EXPECT_EQ(command->kind, Kind::kSetSystem);
  EXPECT_EQ(command->value, "one\ntwo");
}

TEST(ChatCommand, EverythingElseIsAMessage) {
  for (const char* text : {"hello", " what does /help do?", "/etc/passwd is a file", "// a comment"}) {
    const auto command = parse_chat_command(text);
    ASSERT_TRUE(command) << text;
    EXPECT_EQ(command->kind, Kind::kMessage);
    EXPECT_EQ(command->value, text);
  }
}

TEST(ChatCommand, SaysWhatIsMissing) {
  EXPECT_THAT(parse_chat_command("/hlep").error().message, HasSubstr("/hlep is not a command"));
  EXPECT_THAT(parse_chat_command("/save").error().message, HasSubstr("/save NAME"));
  EXPECT_THAT(parse_chat_command("/set").error().message, HasSubstr("/set parameter NAME VALUE"));
  EXPECT_THAT(parse_chat_command("/set parameter seed").error().message, HasSubstr("NAME VALUE"));
  EXPECT_THAT(parse_chat_command("/show everything").error().message, HasSubstr("/show info"));
  EXPECT_FALSE(parse_chat_command("/"));
}

}  // namespace
}  // namespace hearth::app
