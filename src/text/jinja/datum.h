// The values a running template computes with.
//
// Wider than text::Value: undefined, tuples, lazy ranges, one-shot iterators, callables. Strings are
// immutable and counted; containers belong to the Heap of one rendering and are freed together when it ends,
// so cyclic and very deep structures need no care. Nothing here outlives a rendering.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/jinja/marked_text.h"
#include "text/value.h"

namespace hearth::text::jinja {

enum class Kind : uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInteger,
  kFloat,
  kString,
  kList,
  kTuple,
  kIterator,  // a generator: can be walked once
  kView,      // dict.keys() and the like: has a length, no index
  kRange,
  kDict,
  kNamespace,
  kCallable,
  kLoop,
};

struct Object {
  virtual ~Object() = default;
};
struct SequenceObject;
struct RangeObject;
struct DictObject;
struct CallableObject;
struct LoopObject;

class Datum {
 public:
  Datum() : kind_(Kind::kUndefined) { payload_.hint = nullptr; }
  // `hint` names what is undefined; it must outlive the rendering.
  static Datum undefined(const std::string* hint) {
    Datum d;
    d.payload_.hint = hint;
    return d;
  }
  static Datum none() {
    Datum d;
    d.kind_ = Kind::kNone;
    return d;
  }
  static Datum boolean(bool b) {
    Datum d;
    d.kind_ = Kind::kBool;
    d.payload_.integer = b;
    return d;
  }
  static Datum integer(int64_t i) {
    Datum d;
    d.kind_ = Kind::kInteger;
    d.payload_.integer = i;
    return d;
  }
  static Datum real(double r) {
    Datum d;
    d.kind_ = Kind::kFloat;
    d.payload_.real = r;
    return d;
  }
  static Datum string(std::shared_ptr<const MarkedText> text) {
    Datum d;
    d.kind_ = Kind::kString;
    d.text_ = std::move(text);
    return d;
  }
  static Datum object(Kind kind, Object* object) {
    Datum d;
    d.kind_ = kind;
    d.payload_.object = object;
    return d;
  }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_none() const { return kind_ == Kind::kNone; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_number() const { return kind_ == Kind::kBool || kind_ == Kind::kInteger || kind_ == Kind::kFloat; }
  bool is_integral() const { return kind_ == Kind::kBool || kind_ == Kind::kInteger; }
  bool is_sequence_object() const {
    return kind_ == Kind::kList || kind_ == Kind::kTuple || kind_ == Kind::kIterator || kind_ == Kind::kView;
  }

  // Each only for its own kind; integer() also reads booleans.
  int64_t integer() const { return payload_.integer; }
  double real() const { return payload_.real; }
  double number() const {
    return kind_ == Kind::kFloat ? payload_.real : static_cast<double>(payload_.integer);
  }
  const MarkedText& text() const { return *text_; }
  const std::string& bytes() const { return text_->bytes; }
  const std::string* hint() const { return payload_.hint; }
  Object* raw_object() const { return payload_.object; }
  SequenceObject& sequence() const;
  std::vector<Datum>& items() const;
  RangeObject& range() const;
  DictObject& dict() const;  // also of a namespace
  CallableObject& callable() const;
  LoopObject& loop() const;

 private:
  Kind kind_;
  union {
    int64_t integer;
    double real;
    Object* object;
    const std::string* hint;
  } payload_{};
  std::shared_ptr<const MarkedText> text_;
};

struct SequenceObject : Object {
  std::vector<Datum> items;
  std::string_view type_name;  // of views and iterators, for printing
  bool is_group = false;       // a tuple of `groupby`: .grouper and .list
};

struct RangeObject : Object {
  int64_t start = 0, stop = 0, step = 1;
  size_t size() const;
  Datum at(size_t index) const { return Datum::integer(start + static_cast<int64_t>(index) * step); }
};

// Insertion-ordered mapping from strings, numbers, none and tuples of them.
struct DictObject : Object {
  std::vector<std::pair<Datum, Datum>> entries;

  Datum* find(const Datum& key);
  Datum* find(std::string_view key);
  void set(Datum key, Datum value);  // the budget is the caller's business: Heap::set
  bool erase(const Datum& key);
  void clear();

 private:
  Datum* find_encoded(const std::string& encoded);
  void index_all();
  std::unordered_map<std::string, size_t> index_;  // used from kIndexFrom entries on
};

struct Arguments {
  std::vector<Datum> positional;
  std::vector<std::pair<std::string, Datum>> named;

  // The argument at `index` or called `name`; nullptr when not given.
  const Datum* find(size_t index, std::string_view name) const;
  // Fails unless between `min` and `max` positional arguments came and every named one is in `names`.
  void expect(std::string_view callee, size_t min, size_t max,
              std::initializer_list<std::string_view> names = {}) const;
};

class Interpreter;

struct CallableObject : Object {
  virtual Datum call(Interpreter& interpreter, Arguments& arguments) = 0;
  virtual Datum attribute(Interpreter&, std::string_view) { return Datum(); }
};

// Makes and owns what lives as long as one rendering.
class Heap {
 public:
  explicit Heap(Budget& budget) : budget_(budget) {}

  Datum text(MarkedText text);
  Datum text(std::string_view bytes, bool untrusted = false);
  Datum list(std::vector<Datum> items = {}) { return sequence(Kind::kList, std::move(items), "list"); }
  Datum tuple(std::vector<Datum> items) { return sequence(Kind::kTuple, std::move(items), "tuple"); }
  Datum iterator(std::vector<Datum> items) {
    return sequence(Kind::kIterator, std::move(items), "generator");
  }
  Datum sequence(Kind kind, std::vector<Datum> items, std::string_view type_name);
  Datum range(int64_t start, int64_t stop, int64_t step);
  Datum dict() { return Datum::object(Kind::kDict, make<DictObject>()); }

  // What a caller put into the context, `depth` levels below its top. Keys of mappings come from tool
  // definitions, arguments and results: they count as untrusted.
  Datum value(const Value& value, size_t depth = 0);

  // Changes to containers, paid for.
  void append(const Datum& list, Datum item);
  void set(DictObject& dict, Datum key, Datum value);

  template <typename T, typename... Args>
  T* make(Args&&... args) {
    budget_.hold_container(1, sizeof(T));
    auto object = std::make_unique<T>(std::forward<Args>(args)...);
    T* raw = object.get();
    objects_.push_back(std::move(object));
    return raw;
  }

 private:
  Budget& budget_;
  std::deque<std::unique_ptr<Object>> objects_;
};

inline SequenceObject& Datum::sequence() const {
  return *static_cast<SequenceObject*>(payload_.object);
}
inline std::vector<Datum>& Datum::items() const {
  return sequence().items;
}
inline RangeObject& Datum::range() const {
  return *static_cast<RangeObject*>(payload_.object);
}
inline DictObject& Datum::dict() const {
  return *static_cast<DictObject*>(payload_.object);
}
inline CallableObject& Datum::callable() const {
  return *static_cast<CallableObject*>(payload_.object);
}

// The name a person knows the kind by ("list", "str").
std::string_view type_name(const Datum& value);

}  // namespace hearth::text::jinja
