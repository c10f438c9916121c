#include "store/modelfile.h"

#include <gtest/gtest.h>

namespace hearth::store {
namespace {

std::string error_of(std::string_view text) {
  const auto parsed = parse_modelfile(text);
  return parsed ? "read" : parsed.error().message;
}

TEST(Modelfile, ReadsEveryCommand) {
  const auto parsed = parse_modelfile(
      "# made by hand\n"
      "\n"
      "from llama3.1:8b\n"
      "  PARAMETER temperature 0.6 \n"
      "PARAMETER stop \"<|eot_id|>\"\r\n"
      "parameter STOP  User: \n"
      "PARAMETER num_ctx 4096\n"
      "TEMPLATE \"\"\"{{ .System }}\n"
      "{{ .Prompt }} \"\"\"\n"
      "SYSTEM You are \"terse\". # and this is no comment\n"
      "MESSAGE user Is it warm?\n"
      "MESSAGE assistant \"\"\"No.\n"
      "Really.\"\"\"\n"
      "LICENSE \"Apache\n"
      "2.0\"\n"
      "LICENSE MIT");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->from, std::vector<std::string>{"llama3.1:8b"});
  ASSERT_EQ(parsed->parameters.size(), 4U);
  EXPECT_EQ(parsed->parameters[0].value, "0.6");
  EXPECT_EQ(parsed->parameters[1].value, "<|eot_id|>");
  EXPECT_EQ(parsed->parameters[2].name, "stop");
  EXPECT_EQ(parsed->parameters[2].value, "User:");
  EXPECT_EQ(parsed->template_text, "{{ .System }}\n{{ .Prompt }} ");
  EXPECT_EQ(parsed->system, "You are \"terse\". # and this is no comment");
  ASSERT_EQ(parsed->messages.size(), 2U);
  EXPECT_EQ(parsed->messages[1].role, "assistant");
  EXPECT_EQ(parsed->messages[1].content, "No.\nReally.");
  EXPECT_EQ(parsed->licenses, (std::vector<std::string>{"Apache\n2.0", "MIT"}));
  EXPECT_TRUE(parsed->warnings.empty());
}

TEST(Modelfile, QuotesEndWhereALineEndsWithThem) {
  const auto system = [](std::string_view value) {
    const auto parsed = parse_modelfile("FROM m\nSYSTEM " + std::string(value) + "\n");
    return parsed ? *parsed->system : parsed.error().message;
  };
  EXPECT_EQ(system("\"say \"hi\" now\""), "say \"hi\" now");
  EXPECT_EQ(system("\"\"\"\nsay \"\"\"hi\"\"\" now\n\"\"\""), "\nsay \"\"\"hi\"\"\" now\n");
  EXPECT_EQ(system("\"\""), "");
  EXPECT_EQ(system("\"\"\"\"\"\""), "");
  EXPECT_EQ(system("\"  two  \"  "), "  two  ");
  EXPECT_EQ(system("\"a\r\nb\""), "a\r\nb");
  EXPECT_EQ(system("\"open\nforever"),
            "(line 2): the quotes of SYSTEM are not closed: they must end a line, with nothing behind them");
  EXPECT_EQ(system("\"\"\"a\"\"\" b").substr(0, 9), "(line 2):");
}

TEST(Modelfile, ErrorsNameTheLine) {
  EXPECT_EQ(error_of(""), "no FROM line: it says what the model is made from");
  EXPECT_EQ(error_of("# FROM m"), "no FROM line: it says what the model is made from");
  EXPECT_EQ(error_of("FROM m\n\nBECOME x"),
            "(line 3): \"BECOME\" is not a command; there are FROM, PARAMETER, TEMPLATE, SYSTEM, LICENSE and "
            "MESSAGE");
  EXPECT_EQ(error_of("FROM\n"), "(line 1): FROM needs a value");
  EXPECT_EQ(error_of("FROM m\nPARAMETER"), "(line 2): PARAMETER  needs a value");
  EXPECT_EQ(error_of("FROM m\nPARAMETER speed 9"), "(line 2): there is no parameter \"speed\"");
  EXPECT_EQ(error_of("FROM m\nPARAMETER top_k 0.5"), "(line 2): top_k must be a whole number, not \"0.5\"");
  EXPECT_EQ(error_of("FROM m\nPARAMETER temperature nan"),
            "(line 2): temperature must be a number, not \"nan\"");
  EXPECT_EQ(error_of("FROM m\nPARAMETER use_mmap yes"),
            "(line 2): use_mmap must be true or false, not \"yes\"");
  EXPECT_EQ(error_of("FROM m\nSYSTEM \"\"\"a\nb\nc\"\"\"\nMESSAGE tool x"),
            "(line 5): the role of a MESSAGE is system, user or assistant, not \"tool\"");
  EXPECT_EQ(error_of("FROM \xFF"), "the Modelfile is not UTF-8 text");
  const auto adapter = parse_modelfile("FROM m\nADAPTER ./lora.gguf");
  ASSERT_FALSE(adapter);
  EXPECT_EQ(adapter.error().category, ErrorCategory::kUnsupported);
  EXPECT_EQ(adapter.error().message,
            "(line 2): ADAPTER: adapters are not applied while a model runs; merge it into the weights and "
            "give those "
            "to FROM");
}

TEST(Modelfile, SaysWhatHasNoEffect) {
  const auto parsed = parse_modelfile("FROM m\nPARAMETER mirostat 1\nRENDERER qwen3-coder\n");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->warnings,
            (std::vector<std::string>{"line 2: the parameter mirostat has no effect any more",
                                      "line 3: RENDERER has no effect here"}));
}

TEST(Modelfile, ReadsByteOrderMarks) {
  using std::string_literals::operator""s;
  for (const std::string& text : {"\xEF\xBB\xBF"
                                  "FROM \xC3\xA9"s,
                                  "\xFF\xFE"
                                  "F\0R\0O\0M\0 \0\xE9\0"s,
                                  "\xFE\xFF\0F\0R\0O\0M\0 \0\xE9"s}) {
    const auto parsed = parse_modelfile(text);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->from[0], "\xC3\xA9");
  }
}

TEST(Modelfile, WritesWhatItReads) {
  const std::string texts[] = {"plain",
                               "two\nlines",
                               " outer ",
                               "a \"quoted\" word",
                               "\"begins",
                               "",
                               "ends\"",
                               "\"\"\"",
                               "x\n\"\"\"y\n",
                               "\r",
                               "tab\t",
                               "# no comment",
                               "say \"hi\"\nand \"bye\""};
  for (const std::string& text : texts) {
    Modelfile file;
    file.from = {"m"};
    file.system = file.template_text = text;
    file.parameters = {{"stop", text}, {"top_p", "0.5"}};
    file.messages = {{"user", text}};
    file.licenses = {text, text};
    const auto written = write_modelfile(file);
    ASSERT_TRUE(written) << text << ": " << written.error().message;
    const auto again = parse_modelfile(*written);
    ASSERT_TRUE(again) << *written << again.error().message;
    EXPECT_EQ(again->system, text) << *written;
    EXPECT_EQ(again->template_text, text);
    EXPECT_EQ(again->parameters.at(0).value, text);
    EXPECT_EQ(again->messages.at(0).content, text);
    EXPECT_EQ(again->licenses, file.licenses);
  }
  Modelfile file;
  file.from = {"m"};
  file.system = "a\"\"\"\nb";
  EXPECT_FALSE(write_modelfile(file));
}

}  // namespace
}  // namespace hearth::store
