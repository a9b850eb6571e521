// Just enough of a test framework: named tests, checks that say what failed, a non-zero exit.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace lungcls::test {

struct Case {
  const char* name;
  std::function<void()> run;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Registration {
  Registration(const char* name, std::function<void()> run) {
    cases().push_back({name, std::move(run)});
  }
};

inline void check(bool holds, const char* what, const char* file, int line,
                  const std::string& note = {}) {
  if (holds) return;
  ++failures();
  std::fprintf(stderr, "%s:%d: failed: %s %s\n", file, line, what, note.c_str());
}

}  // namespace lungcls::test

#define LUNGCLS_JOIN_(a, b) a##b
#define LUNGCLS_JOIN(a, b) LUNGCLS_JOIN_(a, b)
#define TEST(name)                                                                \
  static void LUNGCLS_JOIN(test_, __LINE__)();                                    \
  static const lungcls::test::Registration LUNGCLS_JOIN(registration_, __LINE__)( \
      name, LUNGCLS_JOIN(test_, __LINE__));                                       \
  static void LUNGCLS_JOIN(test_, __LINE__)()
#define CHECK(condition) lungcls::test::check((condition), #condition, __FILE__, __LINE__)
#define CHECK_NOTE(condition, note) \
  lungcls::test::check((condition), #condition, __FILE__, __LINE__, (note))
