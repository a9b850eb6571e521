#include "core/mapped_rows.hpp"

#include <vector>

#include "check.hpp"
#include "samples.hpp"

using lungcls::MappedRows;
using lungcls::Outcome;
using lungcls::Status;
using lungcls::test::noise;
using lungcls::test::TemporaryFile;

TEST("rows: any offset, row length and row can be read") {
  const auto content = noise(20'000, 8);
  const TemporaryFile stored(content);
  for (const std::uint64_t offset : {0, 1, 128, 5000}) {
    for (const std::uint64_t rowBytes : {1, 17, 4096}) {
      const std::uint64_t rows = (content.size() - offset) / rowBytes;
      Outcome outcome;
      const auto mapped = MappedRows::open(stored.path(), offset, rowBytes, rows, outcome);
      CHECK(outcome.ok());
      for (const std::uint64_t row : {std::uint64_t{0}, rows / 2, rows - 1}) {
        std::vector<std::uint8_t> got(rowBytes);
        mapped->copyRow(row, got.data());
        CHECK(std::equal(got.begin(), got.end(),
                         content.begin() + static_cast<long>(offset + row * rowBytes)));
      }
      CHECK(MappedRows::open(stored.path(), offset, rowBytes, rows + 1, outcome) == nullptr);
      CHECK(outcome.status == Status::Corrupt);
    }
  }
}

TEST("rows: none of an empty file, more than none is refused") {
  const TemporaryFile stored({});
  Outcome outcome;
  CHECK(MappedRows::open(stored.path(), 0, 10, 0, outcome) != nullptr);
  CHECK(MappedRows::open(stored.path(), 0, 10, 1, outcome) == nullptr);
  CHECK(MappedRows::open(stored.path(), UINT64_MAX, 10, 1, outcome) == nullptr);
  CHECK(MappedRows::open(stored.path(), 0, UINT64_MAX, UINT64_MAX, outcome) == nullptr);
  CHECK(MappedRows::open("/nowhere/at/all", 0, 10, 1, outcome) == nullptr);
  CHECK(outcome.status == Status::NotFound);
}
