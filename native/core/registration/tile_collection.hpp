// Tiles among which those of one original are looked for: described one by one, then each one's
// likeliest relatives by their summaries, then pairs of tiles registered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "../thread_pool.hpp"
#include "kmeans.hpp"
#include "local_features.hpp"
#include "similarity.hpp"

namespace lungcls::registration {

struct CollectionShape {
  std::size_t tiles = 0;
  std::size_t size = 0;  // side of a tile in pixels
};

// One operation at a time, in this order: describe() for every tile, index(), then the others. Each
// returns at once and throws std::bad_alloc or std::system_error; what it is given must stay until
// `done` is called, on any thread. Results do not depend on the number of threads.
class TileCollection : public std::enable_shared_from_this<TileCollection> {
 public:
  using Done = std::function<void()>;

  struct Pair {
    std::uint32_t from;
    std::uint32_t onto;
  };

  static std::shared_ptr<TileCollection> make(const CollectionShape& shape, ThreadPool& pool,
                                              std::size_t threads);

  [[nodiscard]] const CollectionShape& shape() const { return shape_; }
  [[nodiscard]] std::size_t cells() const { return centres_.count(); }

  // `count` tiles of size x size x 3 bytes, RGB.
  void describe(std::size_t first, std::size_t count, const std::uint8_t* rgb, Done done);

  // Makes words and summaries, and sorts the tiles into cells of like ones.
  void index(Done done);

  // For each of `count` tiles, `k` others whose summaries are nearest, nearest first, of those in
  // the cells nearest to the tile; where there are fewer, the tile's own number.
  void neighbours(std::size_t first, std::size_t count, std::size_t k, std::uint32_t* found,
                  Done done);

  // `results`: one for each pair.
  void registerPairs(const Pair* pairs, std::size_t count, Registration* results, Done done);

 private:
  TileCollection(const CollectionShape& shape, ThreadPool& pool, std::size_t threads);

  void summariseAll(const Done& done);
  void makeCells(const Done& done);
  void fillCells(const std::vector<std::uint32_t>& cellOf);
  void nearestTo(std::size_t tile, std::size_t k, std::uint32_t* found) const;

  const CollectionShape shape_;
  ThreadPool& pool_;
  const std::size_t threads_;
  std::vector<TileFeatures> tiles_;
  Vectors words_;
  Vectors summaries_;
  Vectors centres_;
  std::vector<std::vector<std::uint32_t>> cells_;  // tiles of each centre, ascending
};

}  // namespace lungcls::registration
