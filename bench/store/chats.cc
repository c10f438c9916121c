// How long the store of conversations takes when it holds many:
//
//   bench_chats FOLDER [CHATS [MESSAGES_OF_A_CHAT]]
//
// Fills FOLDER/hearth.db (10,000 chats of 20 messages by default) unless it is there, and prints median and
// slowest of what the page asks for.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>

#include "store/chats/chat_store.h"

namespace hearth::store {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

template <typename T>
T check(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(1);
}

// Words as often as words are: the n-th one about 1/n as often as the first.
class Words {
 public:
  explicit Words(size_t n) {
    for (size_t i = 0; i < n; ++i) {
      std::string word;
      for (size_t left = i + 1; left > 0; left /= 20)
        word += std::string(1, "bcdfghjklmnpqrstvwxz"[left % 20]) + "aeiou"[left % 5];
      words_.push_back(std::move(word));
      weights_.push_back(1.0 / static_cast<double>(i + 1));
    }
    draw_ = std::discrete_distribution<size_t>(weights_.begin(), weights_.end());
  }
  const std::string& word(size_t rank) const { return words_[rank]; }
  std::string text(size_t n_words) {
    std::string text;
    for (size_t i = 0; i < n_words; ++i) text += (i == 0 ? "" : " ") + words_[draw_(random_)];
    return text;
  }

 private:
  std::vector<std::string> words_;
  std::vector<double> weights_;
  std::discrete_distribution<size_t> draw_;
  std::mt19937 random_{1};
};

void fill(ChatStore& store, Words& words, int n_chats, int n_messages) {
  int64_t time = 1'600'000'000'000;
  for (int done = 0; done < n_chats;) {
    std::vector<WholeChat> batch;
    for (; batch.size() < 100 && done < n_chats; ++done) {
      WholeChat whole;
      whole.chat.title = words.text(5);
      whole.chat.created = whole.chat.updated = time += 60'000;
      for (int i = 0; i < n_messages; ++i) {
        const bool is_user = i % 2 == 0;
        whole.messages.push_back({.id = std::to_string(i),
                                  .parent = i == 0 ? "" : std::to_string(i - 1),
                                  .role = is_user ? MessageRole::kUser : MessageRole::kAssistant,
                                  .content = words.text(is_user ? 30 : 250),
                                  .created = time += 1000});
      }
      batch.push_back(std::move(whole));
    }
    check(store.add_whole("", std::move(batch)));
  }
}

void measure(const char* what, const std::function<std::string()>& work) {
  std::vector<double> times;
  std::string result;
  for (int i = 0; i < 21; ++i) {
    const auto start = Clock::now();
    result = work();
    times.push_back(ms_since(start));
  }
  const double first = times.front();
  std::sort(times.begin(), times.end());
  fmt::print("{:<34} {:8.2f} ms median {:8.2f} ms slowest {:8.2f} ms first   {}\n", what,
             times[times.size() / 2], times.back(), first, result);
}

int run(const std::filesystem::path& folder, int n_chats, int n_messages) {
  const auto file = folder / "hearth.db";
  const bool is_new = !std::filesystem::exists(file);
  auto start = Clock::now();
  const auto store = check(ChatStore::open(file));
  fmt::print("opening: {:.1f} ms\n", ms_since(start));
  Words words(50'000);
  if (is_new) {
    start = Clock::now();
    fill(*store, words, n_chats, n_messages);
    const double seconds = ms_since(start) / 1000;
    fmt::print("adding {} messages: {:.1f} s\n", n_chats * n_messages, seconds);
  }
  fmt::print("file: {:.0f} MB\n", static_cast<double>(std::filesystem::file_size(file)) / 1e6);

  std::vector<std::string> ids;
  measure("first page of the list", [&] {
    const ChatList list = check(store->list("", 50));
    for (const Chat& chat : list.chats) ids.push_back(chat.id);
    return fmt::format("{} chats", list.chats.size());
  });
  std::string place;
  measure("next pages of the list", [&] {
    ChatList list = check(store->list("", 50, place));
    for (const Chat& chat : list.chats) ids.push_back(chat.id);
    place = list.next;
    return fmt::format("{} chats", list.chats.size());
  });
  std::mt19937 random(2);
  measure("opening a chat", [&] {
    return fmt::format("{} messages", check(store->whole("", ids[random() % ids.size()])).messages.size());
  });
  for (const auto& [name, query] : std::vector<std::pair<const char*, std::string>>{
           {"search: the most frequent word", words.word(0)},
           {"search: a frequent word", words.word(20)},
           {"search: a rare word", words.word(40'000)},
           {"search: two frequent words", words.word(0) + " " + words.word(1)},
           {"search: three words", words.word(100) + " " + words.word(500) + " " + words.word(900)},
           {"search: one letter", words.word(0).substr(0, 1)},
           {"search: two letters", words.word(5).substr(0, 2)},
           {"search: nothing", "qqqqqq"}}) {
    measure(name, [&store = store, &query = query] {
      return fmt::format("{} hits", check(store->search("", query, 20)).size());
    });
    measure("  of somebody without chats", [&store = store, &query = query] {
      return fmt::format("{} hits", check(store->search("eve", query, 20)).size());
    });
  }
  const Chat chat = check(store->create("", {}));
  const Exchange exchange = check(store->add_exchange("", chat.id, "", {"question", {}}, "m"));
  AnswerText text{.content = words.text(5000)};
  measure("saving a running answer of 30 kB", [&] {
    text.content += " more";
    if (auto saved = store->update_answer(exchange.answer.id, text); !saved) std::exit(1);
    return std::string();
  });
  measure("ending it", [&] {
    check(store->finish_answer(exchange.answer.id, {.text = text}));
    return std::string();
  });
  return 0;
}

}  // namespace
}  // namespace hearth::store

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_chats FOLDER [CHATS [MESSAGES_OF_A_CHAT]]\n");
    return 2;
  }
  return hearth::store::run(argv[1], argc > 2 ? std::atoi(argv[2]) : 10'000,
                            argc > 3 ? std::atoi(argv[3]) : 20);
}
