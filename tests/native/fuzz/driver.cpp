// A small coverage-guided fuzzer for compilers without libFuzzer: inputs that reach new code are kept and changed on.
// Build the target with -fsanitize-coverage=trace-pc, this file without; with clang, -fsanitize=fuzzer replaces it.
// Usage: fuzz RUNS SEED [FILE...]   (FILEs are run once each, to show a crash again)
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

// Plain memory: code of other files runs before anything here could be constructed.
static bool seen[1 << 20];
static std::size_t places;
static bool fresh;

extern "C" void __sanitizer_cov_trace_pc() {
    bool& place = seen[reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)) % (1 << 20)];
    if (place) return;
    place = fresh = true;
    ++places;
}

static void run(const std::string& input) {
    static const bool keep = std::getenv("FUZZ_KEEP");
    if (keep) std::ofstream("last-input", std::ios::binary) << input;
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

int main(int argc, char** argv) {
    const long runs = argc > 1 ? std::atol(argv[1]) : 100000;
    std::mt19937 random(argc > 2 ? std::atoi(argv[2]) : 1);
    for (int i = 3; i < argc; ++i) {
        std::ifstream file(argv[i], std::ios::binary);
        run(std::string(std::istreambuf_iterator<char>(file), {}));
    }
    const std::vector<std::string> tokens = {
        " ", "\n", "\r\n", "\t", "a", "\xe6\xb0\xb4", "1", "-0", "1e5", "3e-46", "9e99", "nan", "inf", ".5", "+1",
        "+-1", "0x1", "1.17549e-38", "16777217", std::string(4, '\0'), std::string("\0\0\x80\x3f", 4), "\xff\xff\xff\x7f",
    };
    std::vector<std::string> corpus = {std::string("\0\1\7a 1 2\nb 3 4\n", 15),
                                       std::string("\1\0\5ab \0\0\x80\x3f", 11) + "c 1234"};
    for (long i = 0; i < runs; ++i) {
        std::string input = corpus[random() % corpus.size()];
        for (unsigned change = 1 + random() % 6; change--;) {
            const std::size_t at = random() % (input.size() + 1);
            switch (random() % 5) {
                case 0: input.insert(at, tokens[random() % tokens.size()]); break;
                case 1: input.erase(at, random() % 4); break;
                case 2: if (at < input.size()) input[at] = static_cast<char>(random()); break;
                case 3: input.insert(at, corpus[random() % corpus.size()].substr(0, 200)); break;
                default: if (at < input.size()) input[at] ^= static_cast<char>(1u << random() % 8);
            }
        }
        input.resize(std::min<std::size_t>(input.size(), 2000));
        fresh = false;
        run(input);
        if (fresh) corpus.push_back(input);
    }
    std::printf("%ld runs, %zu inputs kept, %zu places reached\n", runs, corpus.size(), places);
}
