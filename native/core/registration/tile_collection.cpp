#include "tile_collection.hpp"

#include <algorithm>
#include <utility>

#include "../parallel_for.hpp"
#include "dot.hpp"
#include "summary.hpp"

namespace lungcls::registration {
namespace {

// Tiles from which the words are made: 200 features each, read in two ways.
constexpr std::size_t kWordTiles = 256;
// Tiles a cell, on average. Up to as many cells as are searched, all of them are: the search is
// exact below kSearchedCells * kTilesPerCell tiles.
constexpr std::size_t kTilesPerCell = 256;
constexpr std::size_t kMostCells = 4096;
constexpr std::size_t kSearchedCells = 10;
constexpr std::size_t kTrainingTilesPerCell = 32;
constexpr int kCellRounds = 5;

struct Scored {
  std::int32_t score;
  std::uint32_t index;

  // Higher scores first; of equals the lower index.
  bool operator<(const Scored& other) const {
    return score != other.score ? score > other.score : index < other.index;
  }
};

// The `k` first, in order.
void keepFirst(std::vector<Scored>& all, std::size_t k) {
  const std::size_t kept = std::min(k, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end());
  all.resize(kept);
}

}  // namespace

std::shared_ptr<TileCollection> TileCollection::make(const CollectionShape& shape, ThreadPool& pool,
                                                     std::size_t threads) {
  return std::shared_ptr<TileCollection>(new TileCollection(shape, pool, threads));
}

TileCollection::TileCollection(const CollectionShape& shape, ThreadPool& pool, std::size_t threads)
    : shape_(shape), pool_(pool), threads_(threads), tiles_(shape.tiles) {}

void TileCollection::describe(std::size_t first, std::size_t count, const std::uint8_t* rgb,
                              Done done) {
  const std::size_t bytes = shape_.size * shape_.size * 3;
  parallelFor(
      pool_, count, threads_,
      [self = shared_from_this(), first, rgb, bytes](std::size_t item, std::size_t) {
        self->tiles_[first + item] = describeTile(rgb + item * bytes, self->shape_.size);
      },
      std::move(done));
}

void TileCollection::index(Done done) {
  parallelFor(
      pool_, 1, 1,
      [self = shared_from_this()](std::size_t, std::size_t) {
        std::vector<const TileFeatures*> sample;
        const std::size_t wanted = std::min(kWordTiles, self->tiles_.size());
        for (std::size_t i = 0; i < wanted; ++i) {
          sample.push_back(&self->tiles_[i * self->tiles_.size() / wanted]);
        }
        self->words_ = makeWords(sample);
      },
      [self = shared_from_this(), done = std::move(done)] { self->summariseAll(done); });
}

void TileCollection::summariseAll(const Done& done) {
  summaries_ = {kSummary, std::vector<std::int16_t>(tiles_.size() * kSummary)};
  parallelFor(
      pool_, tiles_.size(), threads_,
      [self = shared_from_this()](std::size_t item, std::size_t) {
        if (self->words_.count() < kWords) return;  // hardly a feature anywhere: all alike
        summarise(self->tiles_[item], self->words_, &self->summaries_.values[item * kSummary]);
      },
      [self = shared_from_this(), done] { self->makeCells(done); });
}

void TileCollection::makeCells(const Done& done) {
  const std::size_t wanted = std::clamp<std::size_t>(tiles_.size() / kTilesPerCell, 1, kMostCells);
  Vectors sample = {kSummary, {}};
  const std::size_t count =
      wanted <= kSearchedCells ? wanted : std::min(tiles_.size(), wanted * kTrainingTilesPerCell);
  for (std::size_t i = 0; i < count && !tiles_.empty(); ++i) {
    const auto* summary = summaries_.at(i * tiles_.size() / count);
    sample.values.insert(sample.values.end(), summary, summary + kSummary);
  }
  centres_ = kmeans(sample, wanted, wanted <= kSearchedCells ? 0 : kCellRounds, kSummaryLength);
  auto cellOf = std::make_shared<std::vector<std::uint32_t>>(tiles_.size());
  parallelFor(
      pool_, tiles_.size(), threads_,
      [self = shared_from_this(), cellOf](std::size_t item, std::size_t) {
        (*cellOf)[item] =
            static_cast<std::uint32_t>(nearestCentre(self->centres_, self->summaries_.at(item)));
      },
      [self = shared_from_this(), cellOf, done] {
        self->fillCells(*cellOf);
        done();
      });
}

void TileCollection::fillCells(const std::vector<std::uint32_t>& cellOf) {
  cells_.assign(std::max<std::size_t>(1, centres_.count()), {});
  for (std::size_t tile = 0; tile < cellOf.size(); ++tile) {
    cells_[cellOf[tile]].push_back(static_cast<std::uint32_t>(tile));
  }
}

void TileCollection::nearestTo(std::size_t tile, std::size_t k, std::uint32_t* found) const {
  const auto* summary = summaries_.at(tile);
  std::vector<Scored> cells;
  for (std::size_t cell = 0; cell < centres_.count(); ++cell) {
    cells.push_back({dot(centres_.at(cell), summary, kSummary), static_cast<std::uint32_t>(cell)});
  }
  keepFirst(cells, kSearchedCells);
  std::vector<Scored> others;
  for (const auto& cell : cells) {
    for (const std::uint32_t other : cells_[cell.index]) {
      if (other != tile) others.push_back({dot(summaries_.at(other), summary, kSummary), other});
    }
  }
  keepFirst(others, k);
  for (std::size_t i = 0; i < k; ++i) {
    found[i] = i < others.size() ? others[i].index : static_cast<std::uint32_t>(tile);
  }
}

void TileCollection::neighbours(std::size_t first, std::size_t count, std::size_t k,
                                std::uint32_t* found, Done done) {
  parallelFor(
      pool_, count, threads_,
      [self = shared_from_this(), first, k, found](std::size_t item, std::size_t) {
        self->nearestTo(first + item, k, found + item * k);
      },
      std::move(done));
}

void TileCollection::registerPairs(const Pair* pairs, std::size_t count, Registration* results,
                                   Done done) {
  parallelFor(
      pool_, count, threads_,
      [self = shared_from_this(), pairs, results](std::size_t item, std::size_t) {
        const MatchingFeatures from(self->tiles_[pairs[item].from]);
        const MatchingFeatures onto(self->tiles_[pairs[item].onto]);
        results[item] = registerTiles(from, onto);
      },
      std::move(done));
}

}  // namespace lungcls::registration
