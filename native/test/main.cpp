#include <chrono>
#include <cstdio>
#include <exception>
#include <string_view>

#include "check.hpp"

// Runs all tests, or those whose name contains the first argument.
int main(int argc, char** argv) {
  using lungcls::test::failures;
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  int run = 0;
  for (const auto& test : lungcls::test::cases()) {
    if (std::string_view(test.name).find(wanted) == std::string_view::npos) continue;
    ++run;
    const int before = failures();
    const auto start = std::chrono::steady_clock::now();
    try {
      test.run();
    } catch (const std::exception& error) {
      lungcls::test::check(false, error.what(), test.name, 0);
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::printf("%s %s (%.2f s)\n", failures() == before ? "ok  " : "FAIL", test.name,
                time.count());
  }
  std::printf("%d tests, %d failed checks\n", run, failures());
  return failures() == 0 && run > 0 ? 0 : 1;
}
