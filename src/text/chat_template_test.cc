// The language: small templates with the text that jinja2 renders for them.
#include "text/chat_template.h"

#include <gmock/gmock.h>

#include <thread>

#include "text/chat_template_test_support.h"

namespace hearth::text {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using testing_support::Example;
using testing_support::kNow;
using testing_support::render;

void expect_all(std::initializer_list<Example> examples) {
  for (const auto& [source, expected] : examples) EXPECT_EQ(render(source), expected) << source;
}

TEST(ChatTemplate, PrintsValuesAsPythonDoes) {
  expect_all({{"{{ true }} {{ False }} {{ none }} {{ missing }}|", "True False None |"},
              {"{{ 1 }} {{ 1.0 }} {{ 1e16 }} {{ 0.00001 }} {{ 123456789012345.6 }}",
               "1 1.0 1e+16 1e-05 123456789012345.6"},
              {"{{ [1, 'a', none, true, 1.5] }}", "[1, 'a', None, True, 1.5]"},
              {"{{ {'a': 1, 2: [x]} }}", "{'a': 1, 2: [Undefined]}"},
              {"{{ (1,) }}{{ (1, 2) }}{{ () }}", "(1,)(1, 2)()"},
              {"{{ ['it\\'s', \"a'b\\\"c\", 'é\\n\\u200b'] }}", "[\"it's\", 'a\\'b\"c', 'é\\n\\u200b']"},
              {"{{ 1, 2 }}", "(1, 2)"},
              {"{{ range(3) }} {{ range(1, 9, 2)|list }}", "range(0, 3) [1, 3, 5, 7]"}});
}

TEST(ChatTemplate, Arithmetic) {
  expect_all({{"{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }}", "3 -4 1 2 -2"},
              {"{{ 7 / 2 }} {{ 4 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }}",
               "3.5 2.0 1024 0.5 3.0 0.5"},
              {"{{ 1 + 2 * 3 - 4 }} {{ (1 + 2) * 3 }} {{ -2 ** 2 }} {{ true + 1 }}", "3 9 4 2"},
              {"{{ 'a' * 3 }} {{ [1] * 2 }} {{ [1] + [2] }} {{ 'x' ~ 1 ~ none ~ 2.0 }}",
               "aaa [1, 1] [1, 2] x1None2.0"},
              {"{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1, 2] < "
               "[1, 3] }}",
               "True False True True True True"},
              {"{{ 2 in [1, 2] }} {{ 'b' in 'abc' }} {{ 'k' in {'k': 1} }} {{ 3 not in (1, 2) }} {{ 4 in "
               "range(0, 9, 2) }}",
               "True True True True True"},
              {"{{ 0 or 'x' }} {{ 1 and 'y' }} {{ not '' }} {{ 'a' if 0 else 'b' }} {{ 'a' if 0 }}|",
               "x y True b |"},
              {"{{ '%s is %d and %.2f or %5s|%-5s|%05d %x %%' % ('a', 3, 1.5, 'b', 'c', 42, 255) }}",
               "a is 3 and 1.50 or     b|c    |00042 ff %"},
              {"{{ '%(k)s' % {'k': 'v'} }}", "v"}});
}

TEST(ChatTemplate, ArithmeticErrors) {
  for (std::string_view source :
       {"{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ 1.0 / 0 }}", "{{ 0 ** -1 }}",
        "{{ (0 - 3) ** 0.5 }}", "{{ 10.0 ** 400 }}", "{{ 9223372036854775807 + 1 }}",
        "{{ -9223372036854775807 - 2 }}", "{{ 9223372036854775807 * 2 }}", "{{ 3 ** 100 }}",
        "{{ (-9223372036854775807 - 1) // -1 }}", "{{ 'a' + 1 }}", "{{ 1 + none }}", "{{ 1 < 'a' }}",
        "{{ none < 1 }}", "{{ -'a' }}", "{{ 99999999999999999999 }}"}) {
    EXPECT_THAT(render(source), StartsWith("error: chat template: line 1: ")) << source;
  }
  EXPECT_EQ(render("{{ (-9223372036854775807 - 1) % -1 }}"), "0");
  EXPECT_EQ(render("{{ 9223372036854775807 | abs }}"), "9223372036854775807");
}

TEST(ChatTemplate, UndefinedBehavesAsInJinja) {
  expect_all(
      {{"{{ x }}|{{ x|length }}|{{ x|list }}|{% for i in x %}{% endfor %}|{{ x|default('d') }}|{{ x ~ 'a' }}",
        "|0|[]||d|a"},
       {"{{ x is defined }} {{ x is undefined }} {{ x is none }} {{ x is iterable }} {{ x == y }} {{ x|join "
        "}}|",
        "False True False True True |"},
       {"{{ {}.a is defined }} {{ {}.a.b is defined }}", "error: chat template: line 1: 'a' is undefined"},
       {"{{ none.a is defined }}{{ 'abc'.nope is defined }}{{ [1][5] is defined }}", "FalseFalseFalse"},
       {"{{ x.y }}", "error: chat template: line 1: 'x' is undefined"},
       {"{{ x['y'] }}", "error: chat template: line 1: 'x' is undefined"},
       {"{{ x() }}", "error: chat template: line 1: 'x' is undefined"},
       {"{{ x + 1 }}", "error: chat template: line 1: 'x' is undefined"},
       {"{{ x|tojson }}", "error: chat template: line 1: 'x' is undefined"},
       {"\n\n{{ 'a' + x }}", "error: chat template: line 3: 'x' is undefined"}});
}

TEST(ChatTemplate, WhitespaceControl) {
  expect_all({{"a\n{% if true %}\nb\n{% endif %}\nc\n", "a\nb\nc"},
              {"a\n  {% if true %}\nb{% endif %}", "a\nb"},
              {"a\n  {%+ if true %}b{% endif +%}\n c", "a\n  b\n c"},
              {"a  {%- if true -%}  b  {%- endif -%}  c", "abc"},
              {"a {{- ' b ' -}} c", "a b c"},
              {"a\n  {# note #}\nb", "a\nb"},
              {"a  {#- note -#}  b", "ab"},
              {"{% raw %}{{ x }} {% y %}{% endraw %}|", "{{ x }} {% y %}|"},
              {"a {%- raw -%}  {{ x }}  {%- endraw -%}  b", "a{{ x }}b"},
              {"a\r\nb\rc\n\n", "a\nb\nc\n"},
              {"{{ '}}' }}{{ {'a': {'b': 1}}['a']['b'] }}", "}}1"},
              {"text { % not a tag", "text { % not a tag"}});
}

TEST(ChatTemplate, Loops) {
  expect_all(
      {{"{% for x in [1,2,3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ "
        "loop.length }}"
        "{{ loop.revindex }}{{ loop.revindex0 }} {% endfor %}",
        "10TrueFalse332 21FalseFalse321 32FalseTrue310 "},
       {"{% for x in [1,2,3] %}[{{ loop.previtem }}{{ x }}{{ loop.nextitem }}]{% endfor %}", "[12][123][23]"},
       {"{% for x in [] %}a{% else %}none{% endfor %}", "none"},
       {"{% for x in range(6) if x is odd %}{{ x }}{{ loop.length }} {% endfor %}", "13 33 53 "},
       {"{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "a1b2"},
       {"{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "123"},
       {"{% for x in range(9) %}{% if x == 2 %}{% continue %}{% elif x == 4 %}{% break %}{% endif %}{{ x "
        "}}{% endfor %}",
        "013"},
       {"{% for c in 'aé😀' %}<{{ c }}>{% endfor %}", "<a><é><😀>"},
       {"{% for x in [1,1,2] %}{{ loop.changed(x) }}{{ loop.cycle('a','b') }} {% endfor %}",
        "Truea Falseb Truea "},
       {"{% for n in [{'v':1,'c':[{'v':2,'c':[]}]}] recursive %}{{ n.v }}{{ loop.depth }}({{ loop(n.c) }}){% "
        "endfor %}",
        "11(22())"},
       {"{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}", "21"},
       {"{% set n = namespace(x=1) %}{% for i in [1,2] %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}",
        "4"}});
}

TEST(ChatTemplate, MacrosAndBlocks) {
  expect_all(
      {{"{% macro f(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }} {{ f(1, b=3) }} {{ f(b=1, a=0) }}",
        "12 13 01"},
       {"{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "3210"},
       {"{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}", "B"},
       {"{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, k=3) }}", "(1, 2){'k': 3}"},
       {"{% macro f() %}[{{ caller('x') }}]{% endmacro %}{% call(v) f() %}<{{ v }}>{% endcall %}", "[<x>]"},
       {"{% set t %}a{{ 1 }}{% endset %}{{ t }}{% set u | upper %}b{% endset %}{{ u }}", "a1B"},
       {"{% filter upper | replace('A', 'x') %}abc{% endfilter %}", "xBC"},
       {"{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}", "3"},
       {"{% generation %}g{% endgeneration %}", "g"},
       {"{% set a, b = 1, 2 %}{{ b }}{{ a }}", "21"},
       {"{% set j = joiner('|') %}{% for i in range(3) %}{{ j() }}{{ i }}{% endfor %}", "0|1|2"},
       {"{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}", "abab"},
       {"{{ dict(a=1, **{'b': 2}) }} {{ range(*[1, 3])|list }}", "{'a': 1, 'b': 2} [1, 2]"}});
  EXPECT_THAT(render("{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}"), HasSubstr("takes not more than 1"));
  EXPECT_THAT(render("{% macro f(a) %}{% endmacro %}{{ f(z=2) }}"), HasSubstr("named 'z'"));
  EXPECT_THAT(render("{% set x = {} %}{% set x.y = 1 %}"), HasSubstr("only a namespace"));
}

TEST(ChatTemplate, StringMethods) {
  expect_all(
      {{"{{ ' a b '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ ' a'.lstrip() }}|{{ 'a\\n'.rstrip('\\n') }}",
        "a b|a|a|a"},
       {"{{ 'a,b,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }}",
        "['a', 'b', 'c'] ['a', 'b,c'] ['a,b', 'c']"},
       {"{{ '  a b  c '.split() }} {{ ' a b c '.split(none, 1) }} {{ ' a b c '.rsplit(none, 1) }} {{ "
        "''.split() }} {{ ''.split('x') }}",
        "['a', 'b', 'c'] ['a', 'b c '] [' a b', 'c'] [] ['']"},
       {"{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.find('c') }} {{ "
        "'éa'.find('a') }} {{ 'abc'.rfind('z') }}",
        "True True 2 1 -1"},
       {"{{ 'aXbX'.replace('X', '-') }} {{ 'aXbX'.replace('X', '-', 1) }} {{ 'ab'.replace('', '.') }}",
        "a-b- a-bX .a.b."},
       {"{{ 'hello world'.title() }} {{ 'hELLO'.capitalize() }} {{ 'aB'.swapcase() }} {{ 'straße'.upper() }} "
        "{{ 'ÄÖ'.lower() }}",
        "Hello World Hello Ab STRASSE äö"},
       {"{{ 'a'.center(5, '*') }} {{ 'a'.ljust(3) }}|{{ 'a'.rjust(3) }} {{ '-5'.zfill(4) }}",
        "**a** a  |  a -005"},
       {"{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }}", "('a', '-', 'b-c') ('a-b', '-', 'c')"},
       {"{{ '-'.join(['a', 'b']) }} {{ 'aaa'.count('a') }} {{ 'a\\nb\\r\\nc'.splitlines() }}",
        "a-b 3 ['a', 'b', 'c']"},
       {"{{ 'a1'.isalnum() }}{{ '12'.isdigit() }}{{ 'AB'.isupper() }}{{ 'ab'.islower() }}{{ ' '.isspace() "
        "}}{{ ''.isalpha() }}",
        "TrueTrueTrueTrueTrueFalse"},
       {"{{ '{0}-{k!r:>5}-{1:05.1f}-{2:,}-{{}}'.format('x', 2.25, 1234567, k='a') }}",
        "x-  'a'-002.2-1,234,567-{}"},
       {"{{ 'prefix-x'.removeprefix('prefix-') }}{{ 'x.py'.removesuffix('.py') }}", "xx"}});
}

TEST(ChatTemplate, SlicesCountCodePoints) {
  expect_all({{"{{ 'aé😀d'[1] }} {{ 'aé😀d'[-2] }} {{ 'aé😀d'[1:3] }} {{ 'aé😀d'[::-1] }} {{ 'aé😀d'|length }}",
               "é 😀 é😀 d😀éa 4"},
              {"{{ [1,2,3,4][1:] }} {{ [1,2,3,4][:-1] }} {{ [1,2,3,4][::2] }} {{ [1,2,3,4][::-1] }} {{ "
               "[1,2,3][5:] }}",
               "[2, 3, 4] [1, 2, 3] [1, 3] [4, 3, 2, 1] []"},
              {"{{ 'abc'[-100:100] }} {{ 'abc'[2:0:-1] }} {{ range(10)[2:5]|list }} {{ 'abc'[9] }}|",
               "abc cb [2, 3, 4] |"},
              {"{{ 'abc'[::0] }}", "error: chat template: line 1: a slice step cannot be zero"}});
}

TEST(ChatTemplate, ListsAndMappings) {
  expect_all({{"{% set l = [3,1] %}{% do l.append(2) %}{% do l.sort() %}{{ l }}{{ l.pop() }}{{ l.index(1) "
               "}}{{ l.count(9) }}",
               "[1, 2, 3]300"},
              {"{% set d = {'a': 1} %}{{ d.get('a') }}{{ d.get('z') }}{{ d.get('z', 5) }}{{ d.keys()|list "
               "}}{{ d.values()|list }}",
               "1None5['a'][1]"},
              {"{% set d = {'a': 1} %}{% do d.update({'b': 2}) %}{{ d }}{{ d.pop('a') }}{{ d.setdefault('c', "
               "3) }}{{ d }}",
               "{'a': 1, 'b': 2}13{'b': 2, 'c': 3}"},
              {"{{ {'items': 5}['items'] }} {{ {'items': 5}.items is callable }} {{ {'x': {'y': 7}}.x.y }}",
               "5 True 7"},
              {"{{ {1: 'i', 1.0: 'f', true: 'b'} }} {{ {'a': 1} == {'a': 1.0} }}", "{1: 'b'} True"}});
}

TEST(ChatTemplate, Filters) {
  expect_all(
      {{"{{ 'a b'|title }} {{ 'ABC'|lower }} {{ ' x '|trim }} {{ 'xax'|trim('x') }} {{ 'abc'|first }}{{ "
        "'abc'|last }}",
        "A B abc x a ac"},
       {"{{ [3,1,2]|sort }} {{ ['b','A']|sort }} {{ [1,2]|sum }} {{ [1,5]|max }} {{ [1,5]|min }} {{ "
        "[1,2]|reverse|list }}",
        "[1, 2, 3] ['A', 'b'] 3 5 1 [2, 1]"},
       {"{{ 'a\\nb\\n\\nc'|indent(2) }}|{{ 'a'|indent(2, first=true) }}", "a\n  b\n\n  c|  a"},
       {"{{ [{'n': 1}, {'n': 2}]|map(attribute='n')|list }} {{ ['a']|map('upper')|join }}", "[1, 2] A"},
       {"{{ [{'n': 1}, {}]|selectattr('n', 'defined')|list }} {{ [1,2,3]|reject('odd')|list }} {{ "
        "[0,1]|select|list }}",
        "[{'n': 1}] [2] [1]"},
       {"{{ [{'t':'a'},{'t':'b'}]|rejectattr('t','equalto','a')|list }}", "[{'t': 'b'}]"},
       {"{{ {'b': 1, 'A': 2}|dictsort }} {{ {'a': 1}|items|list }} {{ [1,1,2]|unique|list }}",
        "[('A', 2), ('b', 1)] [('a', 1)] [1, 2]"},
       {"{{ '42'|int }} {{ '4.7'|int }} {{ 'x'|int(9) }} {{ '1.5'|float }} {{ -3|abs }} {{ 2.567|round(2) }} "
        "{{ 2.5|round }} {{ 2.1|round(0, 'ceil') }}",
        "42 4 9 1.5 3 2.57 2.0 3.0"},
       {"{{ ''|default('d') }}|{{ ''|default('d', true) }} {{ 1|string ~ 2 }} {{ 'abc'|list }} {{ "
        "'%s-%s'|format(1, 2) }}",
        "|d 12 ['a', 'b', 'c'] 1-2"},
       {"{% for g in [{'k':1,'v':'a'},{'k':2,'v':'b'},{'k':1,'v':'c'}]|groupby('k') %}{{ g.grouper }}{{ "
        "g.list|map(attribute='v')|join }} {% endfor %}",
        "1ac 2b "},
       {"{{ range(5)|batch(2)|list }} {{ range(5)|slice(2)|list }}",
        "[[0, 1], [2, 3], [4]] [[0, 1, 2], [3, 4]]"},
       {"{{ '<b>'|e }} {{ '<b>'|safe }} {{ '<'|safe + '<' }}", "&lt;b&gt; <b> <&lt;"},
       {"{{ 'one two three'|truncate(7, true, '') }} {{ 'a b'|wordcount }} {{ 'a b/ä'|urlencode }}",
        "one two 2 a%20b/%C3%A4"}});
}

TEST(ChatTemplate, Json) {
  expect_all({{"{{ {'b': [1, 1.0, none, true], 'a': 'é\"\\n<'}|tojson }}",
               R"({"b": [1, 1.0, null, true], "a": "é\"\n<"})"},
              {"{{ 'é😀'|tojson(ensure_ascii=true) }}", R"("\u00e9\ud83d\ude00")"},
              {"{{ {'b': [], 'a': {}, 'c': [1]}|tojson(indent=2, sort_keys=true) }}",
               "{\n  \"a\": {},\n  \"b\": [],\n  \"c\": [\n    1\n  ]\n}"},
              {"{{ {'a': [1, 2]}|tojson(separators=(',', ':')) }} {{ {1: 2, none: 3}|tojson }}",
               R"({"a":[1,2]} {"1": 2, "null": 3})"},
              {"{% set j = '{\"a\": [1, 2.5, \"x\"]}'|from_json %}{{ j.a[2] }}{{ j.a[1] }}", "x2.5"},
              {"{{ '{'|from_json }}", "error: chat template: line 1: from_json: not valid JSON at byte 2"},
              {"{{ range|tojson }}", "error: chat template: line 1: function cannot be written as JSON"}});
}

TEST(ChatTemplate, Tests) {
  expect_all({{"{{ 1 is number }}{{ true is number }}{{ true is integer }}{{ 1.0 is float }}{{ 'a' is string "
               "}}{{ {} is mapping }}",
               "TrueTrueFalseTrueTrueTrue"},
              {"{{ [] is sequence }}{{ 'a' is iterable }}{{ none is none }}{{ true is true }}{{ false is "
               "false }}{{ 1 is boolean }}",
               "TrueTrueTrueTrueTrueFalse"},
              {"{{ 4 is even }}{{ 4 is divisibleby 2 }}{{ 4 is divisibleby(3) }}{{ 1 is eq 1 }}{{ 1 is in "
               "[1] }}{{ 1 is not none }}",
               "TrueTrueFalseTrueTrueTrue"},
              {"{{ 'abc' is lower }}{{ 'x' is sameas 'x' }}{{ range is callable }}{{ 2 is gt 1 }}{{ 'upper' "
               "is filter }}",
               "TrueTrueTrueTrueTrue"}});
}

TEST(ChatTemplate, ClockIsGivenByTheCaller) {
  EXPECT_EQ(render("{{ strftime_now('%d %b %Y') }}"), "29 Jul 2025");
  EXPECT_EQ(render("{{ strftime_now('%A %-d %B %Y %H:%M:%S %j %p %I %y %%') }}"),
            "Tuesday 29 July 2025 12:00:25 210 PM 12 25 %");
  EXPECT_THAT(render("{{ strftime_now('%Q') }}"), HasSubstr("unknown directive '%Q'"));
  auto leap = ChatTemplate::compile("{{ strftime_now('%Y-%m-%d %a %j') }}");
  EXPECT_EQ(leap->render(Value::map(), 951'782'400)->text, "2000-02-29 Tue 060");
  EXPECT_EQ(leap->render(Value::map(), 0)->text, "1970-01-01 Thu 001");
}

TEST(ChatTemplate, RaisedExceptionsKeepTheirWords) {
  auto result = testing_support::try_render("{{ raise_exception('Roles must ' ~ 'alternate') }}");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().category, ErrorCategory::kInvalidArgument);
  EXPECT_EQ(result.error().message, "Roles must alternate");
}

TEST(ChatTemplate, BrokenSourcesAreNamedWithTheirLine) {
  EXPECT_EQ(render("a\n{% if x %}\nb"),
            "error: chat template: line 3: the template ends where 'endif' is expected");
  EXPECT_EQ(render("\n{{ x|nope }}"), "error: chat template: line 2: no filter named 'nope'");
  EXPECT_EQ(render("{{ x is nope }}"), "error: chat template: line 1: no test named 'nope'");
  EXPECT_EQ(render("{% if false %}{{ x|nope }}{% endif %}ok"), "ok");
  EXPECT_EQ(render("{% import 'x' as y %}"), "error: chat template: line 1: unknown statement 'import'");
  for (std::string_view source : {"{{ x",
                                  "{% if",
                                  "{# x",
                                  "{{ 'x }}",
                                  "{{ x | }}",
                                  "{{ (1 }}",
                                  "{{ 1 2 }}",
                                  "{{ ] }}",
                                  "{% for in x %}{% endfor %}",
                                  "{% for x of y %}{% endfor %}",
                                  "{% set 1 = 2 %}",
                                  "{% endif %}",
                                  "{% else %}",
                                  "{% break %}",
                                  "{% set true = 1 %}",
                                  "{% macro f(a=1, b) %}{% endmacro %}",
                                  "{{ f(a=1, 2) }}",
                                  "{% raw %}x",
                                  "{{ {1} }}",
                                  "{{ x. }}",
                                  "{{ 'a' 1 }}",
                                  "{{ '\\x4' }}",
                                  "{{ '\\ud800' }}",
                                  "{{ $ }}",
                                  "{{ x is }}",
                                  "{% call 1 %}{% endcall %}",
                                  "\xff",
                                  "{{ '\xc3' }}",
                                  "{{ }}"}) {
    EXPECT_THAT(render(source), StartsWith("error: chat template: line 1: ")) << source;
  }
}

TEST(ChatTemplate, OneTemplateServesManyThreads) {
  auto compiled = ChatTemplate::compile(
      "{% set n = namespace(s='') %}{% for m in messages %}{% set n.s = n.s ~ m.content|upper %}"
      "{% endfor %}{{ n.s }}{% do messages.append(1) %}");
  ASSERT_TRUE(compiled) << compiled.error().message;
  Value context = Value::map(
      {{"messages", Value::list({Value::map({{"content", "abc"}}), Value::map({{"content", "def"}})})}});
  std::vector<std::thread> threads;
  std::vector<int> right(4);
  for (int& count : right) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) count += compiled->render(context, kNow)->text == "ABCDEF";
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(right, testing::Each(200));
  EXPECT_EQ(context.find("messages")->as_list().size(), 2U) << "a template must not change its context";
}

TEST(ChatTemplate, DefaultTemplateIsChatMl) {
  auto compiled = ChatTemplate::compile(default_chat_template());
  ASSERT_TRUE(compiled) << compiled.error().message;
  Value parts =
      Value::list({Value::map({{"type", "text"}, {"text", "Hi"}}), Value::map({{"type", "image"}})});
  Value messages = Value::list({Value::map({{"role", "system"}, {"content", "S"}}),
                                Value::map({{"role", "user"}, {"content", parts}}),
                                Value::map({{"role", "assistant"}, {"content", Value()}})});
  auto rendered =
      compiled->render(Value::map({{"messages", messages}, {"add_generation_prompt", true}}), kNow);
  ASSERT_TRUE(rendered) << rendered.error().message;
  EXPECT_EQ(
      rendered->text,
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<|im_end|>\n"
      "<|im_start|>assistant\n");
  EXPECT_FALSE(compiled->supports_tools());
  EXPECT_FALSE(compiled->supports_thinking());
}

}  // namespace
}  // namespace hearth::text
