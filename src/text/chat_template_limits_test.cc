// Hostile templates end in one clear error, soon and without much memory.
#include <gmock/gmock.h>

#include <chrono>

#include "text/chat_template_test_support.h"

namespace hearth::text {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing_support::render;

std::string repeated(std::string_view part, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += part;
  return out;
}

class ChatTemplateLimits : public testing::Test {
 protected:
  void SetUp() override { begin_ = std::chrono::steady_clock::now(); }
  // Generous, for builds with sanitizers on a busy machine; the promise is one second.
  void TearDown() override { EXPECT_LT(std::chrono::steady_clock::now() - begin_, std::chrono::seconds(60)); }

 private:
  std::chrono::steady_clock::time_point begin_;
};

TEST_F(ChatTemplateLimits, Source) {
  EXPECT_THAT(render(std::string((1 << 20) + 1, 'a')), HasSubstr("more than the limit of 1048576"));
  EXPECT_EQ(render(std::string(1 << 20, 'a')).size(), size_t{1 << 20});
}

TEST_F(ChatTemplateLimits, SyntaxDepth) {
  for (const std::string& source :
       {"{{ " + repeated("(", 100'000) + "1" + repeated(")", 100'000) + " }}",
        "{{ " + repeated("[", 100'000) + repeated("]", 100'000) + " }}",
        "{{ " + repeated("{1:", 100'000) + "1" + repeated("}", 100'000) + " }}",
        "{{ " + repeated("not ", 100'000) + "1 }}",
        "{{ " + repeated("-", 100'000) + "1 }}",
        "{{ 1" + repeated(" if 1 else 1", 80'000) + " }}",
        "{{ x" + repeated(".a", 100'000) + " }}",
        "{{ x" + repeated("[0]", 100'000) + " }}",
        "{{ x" + repeated("()", 100'000) + " }}",
        "{{ x" + repeated("|trim", 100'000) + " }}",
        "{{ " + repeated("x(", 100'000) + repeated(")", 100'000) + " }}",
        "{{ x" + repeated(" is defined", 3) + " }}",
        "{% for " + repeated("(", 100'000) + "x" + repeated(")", 100'000) + " in y %}{% endfor %}",
        repeated("{% if 1 %}", 40'000) + repeated("{% endif %}", 40'000),
        repeated("{% for x in [1] %}", 20'000) + repeated("{% endfor %}", 20'000),
        repeated("{% macro f() %}", 20'000),
        repeated("{% filter trim %}", 20'000),
        repeated("{% set x %}", 50'000),
        repeated("{% generation %}", 20'000),
        repeated("{% call f() %}", 20'000),
        "{{ x is eq " + repeated("(", 100'000) + repeated(")", 100'000) + " }}"}) {
    EXPECT_THAT(render(source), AnyOf(HasSubstr("nests too deep"), HasSubstr("cannot be chained")))
        << source.substr(0, 40);
  }
}

TEST_F(ChatTemplateLimits, LongChainsAreNotDeep) {
  EXPECT_EQ(render("{{ 0" + repeated(" + 1", 50'000) + " }}"), "50000");
  EXPECT_EQ(render("{{ 'a'" + repeated(" ~ 'a'", 1000) + " }}").size(), 1001U);
  EXPECT_EQ(render("{{ 1" + repeated(" and 1", 50'000) + " }}"), "1");
  EXPECT_EQ(render("{% if 0 %}" + repeated("{% elif 0 %}", 20'000) + "{% else %}e{% endif %}"), "e");
  EXPECT_EQ(render(repeated("{% if 1 %}", 100) + "x" + repeated("{% endif %}", 100)), "x");
}

TEST_F(ChatTemplateLimits, RunningDepth) {
  EXPECT_THAT(render("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), HasSubstr("nests too deep"));
  EXPECT_THAT(render("{% macro f(n) %}{% for x in [1] %}{% if n %}{{ f([n]) }}{% endif %}{% endfor %}{% "
                     "endmacro %}{{ f(1) }}"),
              HasSubstr("nests too deep"));
  EXPECT_THAT(render("{% macro f() %}{{ caller() }}{% endmacro %}{% macro g() %}{% call f() %}{{ g() }}{% "
                     "endcall %}{% endmacro %}{{ g() }}"),
              HasSubstr("nests too deep"));
  EXPECT_THAT(render("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"), HasSubstr("nests too deep"));
  EXPECT_THAT(render("{% set l = [] %}{% do l.append(l) %}{{ l }}"), HasSubstr("nests too deep"));
  EXPECT_THAT(render("{% set l = [] %}{% do l.append(l) %}{{ l|tojson }}"), HasSubstr("nests too deep"));
  EXPECT_THAT(render("{% set l = [] %}{% set m = [] %}{% do l.append(l) %}{% do m.append(m) %}{{ l == m }}"),
              HasSubstr("nests too deep"));
  EXPECT_THAT(render("{% set l = [] %}{% set m = [] %}{% do l.append(l) %}{% do m.append(m) %}{{ l < m }}"),
              HasSubstr("nests too deep"));
  EXPECT_THAT(render("{% set n = namespace(x=1) %}{% for i in range(100000) %}{% set n.x = [n.x] %}{% endfor "
                     "%}{{ n.x }}"),
              HasSubstr("nests too deep"));
  EXPECT_EQ(
      render("{% set n = namespace(x=1) %}{% for i in range(100000) %}{% set n.x = [n.x] %}{% endfor %}ok"),
      "ok");
  EXPECT_EQ(render("{% set n = namespace() %}{% set n.n = n %}{% set d = {} %}{% do d.update({'d': d}) %}ok"),
            "ok");
  EXPECT_THAT(render("{{ ('[' * 100000)|from_json }}"), HasSubstr("nested deeper"));
  EXPECT_THAT(render("{{ 'f'|map('map')|list }}"), HasSubstr("needs the name of a filter"));
}

TEST_F(ChatTemplateLimits, RunningTime) {
  for (std::string_view source :
       {"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% set s = 'a' * 2000000 %}{% set p = 'a' * 1000000 ~ 'b' %}{% for a in range(100000) %}{{ p in s "
        "}}{% endfor %}",
        "{% set s = 'a' * 2000000 %}{% set p = 'b' ~ 'a' * 1000000 %}{% for a in range(100000) %}{{ "
        "s.rsplit(p) is none }}{% endfor %}",
        "{% set d = {} %}{% set s = 'a' * 4000000 %}{% for a in range(100000) %}{{ d[s] }}{{ d.get(s) is "
        "none }}{{ s in d }}{% endfor %}",
        "{% set s = 'é' * 2000000 %}{% for a in range(100000) %}{{ (s|tojson)[0] }}{{ [s]|string|first }}{{ "
        "s|e|first }}{% endfor %}",
        "{% set s = 'é' * 1000000 %}{% for a in range(100000) %}{{ s|upper|first }}{{ s|title|first }}{{ "
        "s[::-1]|first }}{% endfor %}",
        "{% set s = '1,' * 1000000 %}{% for a in range(100000) %}{{ ('[' ~ s ~ '1]')|from_json|length }}{% "
        "endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{{ '' }}{% endfor %}{% endfor %}",
        "{% for a in range(100000) %}{{ 'x' if ('abc' * 1000000) == a }}{% endfor %}",
        "{% set d = namespace(x={}) %}{% for a in range(100000) %}{% for b in range(1000) %}{% do "
        "d.x.update({a * 1000 + b: 1}) %}{% endfor %}{% endfor %}",
        "{% set d = {} %}{% for a in range(50000) %}{% do d.update({a: 1}) %}{% endfor %}{% for a in "
        "range(50000) %}{% do d.pop(a) %}{% endfor %}",
        "{% set s = 'ab' * 1000000 %}{% for a in range(100000) %}{{ s[a] }}{% endfor %}",
        "{% set s = 'ab' * 1000000 %}{% for a in range(100000) %}{{ s|length }}{% endfor %}",
        "{% set s = 'ab' * 1000000 %}{% for a in range(100000) %}{{ s.isalpha() }}{{ s is lower }}{{ s is "
        "upper }}{% endfor %}",
        "{% set s = 'ab' * 1000000 %}{% for a in range(100000) %}{{ s.islower() }}{{ s.istitle() }}{% endfor "
        "%}",
        "{% set s = 'ab' * 1000000 %}{% for a in range(100000) %}{{ s.startswith('x', 5) }}{{ s.count('a', "
        "1) }}{% endfor %}",
        "{% set s = ' ' * 2000000 %}{% for a in range(100000) %}{{ s.split() }}{{ s|wordcount }}{% endfor %}",
        "{% set s = '1' * 2000000 %}{% for a in range(100000) %}{{ s|float }}{% endfor %}",
        "{% set s = range(100000)|list %}{% for a in range(100000) %}{{ s.insert(0, 1) }}{{ s.remove(1) }}{% "
        "endfor %}",
        "{% set s = range(100000)|list %}{% for a in range(100000) %}{{ 'x' in s }}{% endfor %}",
        "{% set s = range(100000)|list %}{% for a in range(100000) %}{{ s.copy()|sum|string|length }}{% "
        "endfor %}",
        "{% set s = range(100000)|list %}{% for a in range(100000) %}{{ s|sort|first }}{% endfor %}",
        "{% set s = range(100000)|list %}{% for a in range(100000) %}{% do s.sort() %}{% endfor %}"}) {
    auto begin = std::chrono::steady_clock::now();
    EXPECT_THAT(render(source),
                AnyOf(HasSubstr("runs too long"), HasSubstr("makes too many"), HasSubstr("too much")))
        << source;
    auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    EXPECT_LT(seconds, 30) << source;
    if (seconds > 1) std::cout << seconds << " s: " << source << "\n";
  }
}

TEST_F(ChatTemplateLimits, Sizes) {
  EXPECT_THAT(render("{{ 'a' * 10**9 }}"), HasSubstr("grows over 4194304 bytes"));
  EXPECT_THAT(render("{{ 'ab' * 9223372036854775807 }}"), HasSubstr("grows over"));
  EXPECT_EQ(render("{{ '' * 9223372036854775807 }}"), "");
  EXPECT_THAT(render("{{ [1] * 10**9 }}"), AnyOf(HasSubstr("runs too long"), HasSubstr("too many")));
  EXPECT_EQ(render("{{ [] * 10**18 }}"), "[]");
  EXPECT_THAT(render("{{ range(10**12) }}"), HasSubstr("more than 100000"));
  EXPECT_THAT(render("{{ range(-9223372036854775807, 9223372036854775807)|list }}"),
              HasSubstr("more than 100000"));
  EXPECT_THAT(
      render("{% set n = namespace(s='x') %}{% for i in range(64) %}{% set n.s = n.s + n.s %}{% endfor %}"),
      HasSubstr("grows over"));
  EXPECT_THAT(
      render("{% set n = namespace(l=[1]) %}{% for i in range(64) %}{% set n.l = n.l + n.l %}{% endfor %}"),
      AnyOf(HasSubstr("too many"), HasSubstr("too long")));
  EXPECT_THAT(render("{% set l = [1] %}{% for i in range(64) %}{% do l.extend(l) %}{% endfor %}"),
              AnyOf(HasSubstr("too many"), HasSubstr("too long")));
  EXPECT_THAT(render("{% for i in range(100000) %}{{ 'x' * 100 }}{% endfor %}"), HasSubstr("grows over"));
  EXPECT_THAT(render("{% set l = [] %}{% set s = 'x' * 1000000 %}{% for i in range(1000) %}{% do l.append(s "
                     "~ i) %}{% endfor %}"),
              HasSubstr("too much text"));
  EXPECT_THAT(render("{{ 'x'.center(10**12) }}"), HasSubstr("grows over"));
  EXPECT_THAT(render("{{ 'x'|indent(10**12, true) }}"), HasSubstr("grows over"));
  EXPECT_THAT(render("{{ '%999999999s' % 'x' }}"), HasSubstr("too large"));
  EXPECT_THAT(render("{{ '{:999999999}'.format('x') }}"), HasSubstr("too large"));
  EXPECT_THAT(render("{{ '%.999999f' % 1.5 }}"), HasSubstr("too large"));
  EXPECT_THAT(render("{{ ('x' * 4000000).replace('x', 'yy') }}"), HasSubstr("grows over"));
  EXPECT_THAT(render("{{ ('x' * 3000000)|e ~ ('<' * 3000000)|e }}"), HasSubstr("grows over"));
  EXPECT_THAT(render("{{ ['x' * 1000000] * 100 }}"), HasSubstr("grows over"));
  EXPECT_THAT(render("{{ [['x' * 1000000] * 100]|tojson }}"), HasSubstr("grows over"));
  EXPECT_THAT(render("{{ [1]|tojson(indent=10**9) }}"), HasSubstr("too large"));
  EXPECT_THAT(render("{{ '\\t'.expandtabs(10**9) }}"), HasSubstr("too large"));
  EXPECT_THAT(render("{{ [1]|batch(10**9, 0)|list }}"), HasSubstr("positive count"));
  EXPECT_THAT(render("{{ 'x' * 4000000 }}{{ 'x' * 4000000 }}"), HasSubstr("grows over"));
  EXPECT_EQ(render("{{ 'x' * 4000000 }}").size(), 4'000'000U);
}

TEST_F(ChatTemplateLimits, OwnLimits) {
  TemplateLimits limits;
  limits.steps = 10;
  EXPECT_THAT(render("{% for i in range(1000) %}x{% endfor %}", {}, limits), HasSubstr("limit 10 steps"));
  limits = {};
  limits.output_bytes = 10;
  EXPECT_THAT(render("12345678901", {}, limits), HasSubstr("grows over 10 bytes"));
  limits = {};
  limits.depth = 10;
  EXPECT_THAT(render("{{ ((((((((((1)))))))))) }}", {}, limits), HasSubstr("too deep"));
  EXPECT_EQ(render("{{ ((1)) }}", {}, limits), "1");
}

TEST_F(ChatTemplateLimits, Context) {
  Value deep = 1;
  for (int i = 0; i < 1000; ++i) deep = Value::list({deep});
  auto result = testing_support::try_render("{{ x }}", {{"x", deep}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().category, ErrorCategory::kInvalidArgument);
  EXPECT_THAT(result.error().message, HasSubstr("nests deeper than 200 levels"));
  EXPECT_EQ(render("unused", {{"x", deep}}), "unused");
  auto compiled = ChatTemplate::compile("x");
  EXPECT_FALSE(compiled->render(Value(5), 0));
  // Text that is not UTF-8 passes through byte by byte.
  EXPECT_EQ(render("{{ x|upper }}{{ x|length }}{{ x[1] }}{{ x|tojson }}", {{"x", "a\xff\xc3"}}),
            "A\xff\xc3"
            "3\xff\"a\xff\xc3\"");
}

}  // namespace
}  // namespace hearth::text
