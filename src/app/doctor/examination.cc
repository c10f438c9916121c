#include "app/doctor/examination.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>

#include "app/bench/machine_limits.h"
#include "app/doctor/port_owner.h"
#include "app/model_argument.h"
#include "app/server_url.h"
#include "app/terminal_text.h"
#include "base/platform/memory.h"
#include "base/platform/pages.h"
#include "base/platform/process_limits.h"
#include "base/platform/processors.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "registry/registry_policy.h"
#include "serving/memory_budget.h"

namespace hearth::app {
namespace {

namespace fs = std::filesystem;
using State = Finding::State;

constexpr uint64_t kLittleMemory = uint64_t{2} << 30;
constexpr uint64_t kLittleDisk = uint64_t{5} << 30;

const kernels::KernelTable* chosen_kernels(const Settings& settings) {
  return settings.kernels.empty() ? kernels::available_kernels().front()
                                  : kernels::find_kernels(settings.kernels);
}

int chosen_threads(const Settings& settings) {
  return settings.threads > 0 ? settings.threads : ThreadPool::usable_processors();
}

// The folder itself, or the one it would be made in.
fs::path existing_part(fs::path folder) {
  std::error_code error;
  while (!folder.empty() && !fs::exists(folder, error) && folder != folder.parent_path())
    folder = folder.parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

struct CloseSocket {
  int descriptor;
  ~CloseSocket() { close(descriptor); }
};

// 0, or why the address cannot be listened on.
int try_to_listen(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return EADDRNOTAVAIL;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  const CloseSocket socket{::socket(found->ai_family, found->ai_socktype, 0)};
  if (socket.descriptor < 0) return errno;
  const int on = 1;
  setsockopt(socket.descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(socket.descriptor, found->ai_addr, found->ai_addrlen) != 0) return errno;
  return listen(socket.descriptor, 1) == 0 ? 0 : errno;
}

Finding taken(const std::string& address, const PortOwner& owner) {
  const std::string another = "to start one beside it, set another port";
  switch (owner.kind) {
    case PortOwner::Kind::kHearth:
      if (owner.trouble.empty()) {
        return {State::kGood, "address", fmt::format("Hearth {} runs at {}", owner.version, address)};
      }
      return {State::kNote, "address",
              fmt::format("Hearth {} runs at {}: {}", owner.version, address, owner.trouble),
              "wait while it loads; otherwise see its log, and start it again"};
    case PortOwner::Kind::kOllama:
      return {State::kNote, "address", fmt::format("Ollama {} runs at {}", owner.version, address),
              "stop it (systemctl stop ollama, or quit its program) to take its place; " + another};
    case PortOwner::Kind::kLlamaServer:
      return {State::kNote, "address", fmt::format("a llama-server or the like runs at {}", address),
              "stop it to take its place; " + another};
    case PortOwner::Kind::kOtherHttp:
      return {State::kNote, "address", fmt::format("{} is taken by another web server", address), another};
    case PortOwner::Kind::kSilent:
      break;
  }
  return {State::kNote, "address", address + " is taken by a program that does not answer HTTP",
          another + fmt::format("; ss -ltnp 'sport = :{}' shows which it is",
                                address.substr(address.rfind(':') + 1))};
}

}  // namespace

Finding examine_settings(const Result<Settings>& settings) {
  if (!settings) {
    return {
        State::kBroken, "settings", settings.error().message,
        settings.error().category == ErrorCategory::kIo
            ? "change its owner or rights, or set HEARTH_HOME to a folder that can be read; nothing starts "
              "before"
            : "correct or remove that line; nothing starts before"};
  }
  std::error_code error;
  const std::string file = settings->config_file.string();
  if (fs::exists(settings->config_file, error))
    return {State::kGood, "settings", fmt::format("{} is read", file)};
  return {State::kGood, "settings", fmt::format("there is no {}: the defaults hold", file)};
}

Finding examine_kernels(const Settings& settings) {
  std::string known;
  for (const kernels::KernelTable* table : kernels::available_kernels())
    known += (known.empty() ? "" : ", ") + std::string(table->name);
  const kernels::KernelTable* chosen = chosen_kernels(settings);
  if (chosen == nullptr) {
    return {State::kBroken, "processor",
            fmt::format("kernels \"{}\" are not available; there are {}", settings.kernels, known),
            "remove the setting \"kernels\": the best are chosen by themselves"};
  }
  std::string text = fmt::format("{} kernels are used; this processor has {}", chosen->name, known);
  if (chosen == kernels::available_kernels().front()) {
    if (chosen->name != "reference") return {State::kGood, "processor", std::move(text)};
    return {State::kNote, "processor", std::move(text),
            "this processor has none of the instruction sets that fast kernels need (AVX2 with FMA, or NEON "
            "with dot "
            "products); models answer slowly"};
  }
  return {State::kNote, "processor", std::move(text),
          "the setting \"kernels\" holds back faster ones; remove it"};
}

Finding examine_threads(const Settings& settings) {
  const int usable = ThreadPool::usable_processors(), chosen = chosen_threads(settings);
  const auto all = static_cast<int>(std::thread::hardware_concurrency());
  std::string text = fmt::format("{} compute threads on {} of {} processors", chosen, usable, all);
  if (chosen > usable) {
    return {State::kNote, "threads", std::move(text),
            fmt::format("more threads than processors wait for each other; set threads to {} or 0", usable)};
  }
  if (usable < all) {
    return {State::kNote, "threads", std::move(text),
            "the affinity or the CPU limit of this container or service leaves the others out; raise it if "
            "they are "
            "free"};
  }
  return {State::kGood, "threads", std::move(text)};
}

Finding examine_memory(const Settings& settings) {
  const platform::MemoryState memory = platform::memory_state();
  const serving::MemoryBudget budget(settings.memory_bytes());
  std::string text =
      fmt::format("{} of {} are available, models can have {}", human_bytes(memory.available_bytes),
                  human_bytes(memory.machine_bytes), human_bytes(budget.capacity()));
  if (memory.group_limit_bytes)
    text += fmt::format("; a control group allows {}", human_bytes(*memory.group_limit_bytes));
  if (settings.memory_gib > 0 && memory.total_bytes > 0 && budget.capacity() > memory.total_bytes) {
    return {
        State::kNote, "memory", std::move(text),
        "memory_gib is more than there is; models that do not fit will be read from disk as they compute"};
  }
  if (memory.total_bytes > 0 && budget.capacity() < kLittleMemory) {
    return {State::kNote, "memory", std::move(text),
            "only small models fit; end other programs or raise the limit"};
  }
  return {State::kGood, "memory", std::move(text)};
}

Finding examine_huge_pages() {
  const std::string policy = platform::huge_page_policy();
  if (policy.empty()) return {State::kGood, "huge pages", "this system does not say when it gives them"};
  if (policy != "never") return {State::kGood, "huge pages", fmt::format("given ({})", policy)};
  return {State::kNote, "huge pages", "never given: keys and values are read a little slower",
          "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, as root"};
}

Finding examine_disk(const Settings& settings) {
  const fs::path folder = existing_part(settings.data_dir);
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error) {
    return {State::kBroken, "disk", fmt::format("{}: {}", folder.string(), error.message()),
            "set HEARTH_HOME to a folder that can be used"};
  }
  if (access(folder.c_str(), W_OK) != 0) {
    return {State::kBroken, "disk",
            fmt::format("{} cannot be written: {}", folder.string(), std::strerror(errno)),
            "change its owner or rights, or set HEARTH_HOME to a folder that can be used"};
  }
  std::string text =
      fmt::format("{} are free for {}", human_bytes(space.available), settings.data_dir.string());
  if (space.available < kLittleDisk) {
    return {State::kNote, "disk", std::move(text),
            "most models are larger; free some space before pulling one"};
  }
  return {State::kGood, "disk", std::move(text)};
}

Finding examine_address(const Settings& settings) {
  const std::string address = fmt::format("{}:{}", settings.host, settings.port);
  if (settings.port == 0) return {State::kGood, "address", "any free port"};
  switch (const int problem = try_to_listen(settings.host, settings.port)) {
    case 0:
      return {State::kGood, "address", address + " is free"};
    case EADDRINUSE:
      return taken(address, ask_port(server_url(settings)));
    default:
      return {
          State::kBroken, "address", fmt::format("{} cannot be used: {}", address, std::strerror(problem)),
          "set host to an address of this machine (127.0.0.1, or 0.0.0.0 for all), and a port above 1023"};
  }
}

Finding examine_access(const Settings& settings) {
  const bool local = settings.host == "127.0.0.1" || settings.host == "::1" || settings.host == "localhost";
  if (settings.require_keys == api::KeyPolicy::kNever && !local) {
    return {State::kNote, "access", "require_keys is never: whoever can reach this machine may use it",
            "set require_keys to exposed"};
  }
  const bool asks = settings.require_keys == api::KeyPolicy::kAlways || !local;
  if (!asks) return {State::kGood, "access", "programs of this machine alone, without a key"};
  std::error_code error;
  if (!fs::exists(settings.key_file(), error)) {
    return {State::kNote, "access", "callers need a key, and there is none yet",
            "hearth key add NAME makes one"};
  }
  if (!local && settings.tls_cert.empty()) {
    return {State::kNote, "access", "callers need a key; keys and chats cross the network unencrypted",
            "tls_cert and tls_key turn TLS on"};
  }
  return {State::kGood, "access", "callers need a key"};
}

Finding examine_registries(const Settings& settings) {
  if (const Status usable = registry::check_ca_file(settings.registry_ca_file.string()); !usable) {
    return {State::kBroken, "registries", usable.error().message,
            "correct the path or remove the setting; pulls over TLS fail until then"};
  }
  return {State::kGood, "registries",
          settings.registries.empty()
              ? "models are pulled from any of the internet"
              : fmt::format("models are pulled from {} alone", fmt::join(settings.registries, ", "))};
}

std::vector<Finding> examine_models(const Settings& settings) {
  std::vector<Finding> findings;
  for (const std::string& name : settings.models) {
    const auto found = find_model(name, settings);
    const auto file = found ? open_model_file(*found) : propagate(found.error());
    if (file) {
      findings.push_back(
          {State::kGood, "model", fmt::format("{} ({}) can be read", name, human_bytes(file->size_bytes()))});
    } else {
      findings.push_back({State::kBroken, "model", file.error().message,
                          "correct \"models\" in the settings, or fetch the model again"});
    }
  }
  return findings;
}

std::vector<Finding> examine_features(const Settings& settings) {
  std::vector<Finding> findings;
  if (!settings.speculation) {
    findings.push_back({State::kNote, "speculation", "off, by the setting: repeated text is written slower",
                        "remove the setting \"speculation\""});
  }
  if (settings.prefix_disk_gib == 0) {
    findings.push_back({State::kNote, "prefixes on disk",
                        "off, by the setting: long prompts are read again after a restart",
                        "set prefix_disk_gib to 4"});
  }
  constexpr uint64_t kEnoughDescriptors = 1024;
  if (const uint64_t granted = platform::raise_descriptor_limit(kEnoughDescriptors);
      granted < kEnoughDescriptors) {
    findings.push_back({State::kNote, "open files",
                        fmt::format("this process may open {}: few connections at a time", granted),
                        "raise it with ulimit -n or LimitNOFILE"});
  }
  return findings;
}

Finding examine_speed(const Settings& settings) {
  ThreadPool threads(chosen_threads(settings));
  auto test = ReadTest::create(threads, PageSize::kHuge);
  if (!test) return {State::kNote, "speed", test.error().message, "end other programs, then run this again"};
  const double bandwidth = test->best(threads.n_threads()).bytes_per_second;
  std::string text = fmt::format("memory is read at {:.1f} GB/s", bandwidth / 1e9);
  const kernels::KernelTable* kernels = chosen_kernels(settings);
  if (const double macs = kernels ? measure_dot_peak(threads, kernels->name) : 0; macs > 0) {
    text += fmt::format(", int8 dot products at {:.0f} GMAC/s", macs / 1e9);
  }
  text += fmt::format(": at most {:.0f} tokens/s from a model of 5 GB", bandwidth / 5e9);
  return {State::kGood, "speed", std::move(text)};
}

std::vector<Finding> examine(const Result<Settings>& given) {
  std::vector<Finding> findings{examine_settings(given)};
  const Settings settings = given ? *given : Settings{};
  findings.push_back(examine_kernels(settings));
  findings.push_back(examine_threads(settings));
  findings.push_back(examine_speed(settings));
  findings.push_back(examine_memory(settings));
  findings.push_back(examine_huge_pages());
  if (given) findings.push_back(examine_disk(settings));
  findings.push_back(examine_address(settings));
  findings.push_back(examine_access(settings));
  findings.push_back(examine_registries(settings));
  if (given) {
    for (Finding& finding : examine_store(settings)) findings.push_back(std::move(finding));
  }
  for (Finding& finding : examine_models(settings)) findings.push_back(std::move(finding));
  for (Finding& finding : examine_features(settings)) findings.push_back(std::move(finding));
  return findings;
}

}  // namespace hearth::app
