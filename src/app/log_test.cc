#include "app/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::app {
namespace {

using ::testing::HasSubstr;

api::AccessRecord record() {
  api::AccessRecord record;
  record.request_id = "req_abc";
  record.remote_address = "192.0.2.1";
  record.method = "POST";
  record.path = "/v1/chat/completions";
  record.status = 200;
  record.duration_ms = 12.345;
  record.sent_bytes = 99;
  return record;
}

TEST(Log, ARequestIsALine) {
  api::AccessRecord plain = record();
  EXPECT_EQ(access_text(plain), "192.0.2.1 POST /v1/chat/completions 200 12 ms 99 bytes req_abc");
  plain.key_name = "laptop";
  plain.notes.model = "a\nb";
  plain.notes.prompt_tokens = 7;
  plain.notes.cached_tokens = 4;
  plain.notes.completion_tokens = 3;
  plain.notes.queue_ms = 1;
  plain.notes.prefill_ms = 2;
  plain.notes.decode_ms = 3;
  const std::string line = access_text(plain);
  EXPECT_THAT(line, HasSubstr(" key=laptop "));
  EXPECT_THAT(line, HasSubstr(" tokens=7+3 cached=4 queue=1 prefill=2 decode=3 req_abc"));
  EXPECT_EQ(line.find('\n'), std::string::npos) << "a model's name cannot make a second line";
}

TEST(Log, AJsonLineHasWhatApplies) {
  api::AccessRecord full = record();
  EXPECT_EQ(api::dump(access_json(full)),
            R"({"event":"request","request_id":"req_abc","remote":"192.0.2.1","method":"POST",)"
            R"("path":"/v1/chat/completions","status":200,"ms":12.3,"sent_bytes":99})");
  full.key_name = "laptop";
  full.notes.model = "a\n\"b\xff";
  full.notes.prompt_tokens = 7;
  full.notes.queue_ms = 1.25;
  const std::string line = api::dump(access_json(full));
  EXPECT_THAT(line, HasSubstr(R"("key":"laptop","model":"a\n\"b)"));
  EXPECT_THAT(line, HasSubstr(R"("prompt_tokens":7,"cached_tokens":0,"completion_tokens":0,"queue_ms":1.3)"));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_TRUE(api::parse_json(line));
}

}  // namespace
}  // namespace hearth::app
