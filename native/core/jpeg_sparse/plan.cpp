#include "plan.hpp"

#include <algorithm>

#include "entropy_decoder.hpp"
#include "inverse_dct.hpp"

namespace lungcls::jpeg_sparse {
namespace {

constexpr int kOctet = 8;
constexpr int kMaxSlots = 4;

int ceilDivide(int a, int b) {
  return (a + b - 1) / b;
}

std::size_t padded(std::size_t bytes) {
  return (bytes + 63) / 64 * 64 + kRowPadding;
}

// A sorted set of sample positions along one axis, and the rank of each.
class Needed {
 public:
  explicit Needed(int size) : rank_(static_cast<std::size_t>(size), -1) {}
  void add(int position) { rank_[position] = 0; }
  void close() {
    for (std::size_t i = 0; i < rank_.size(); ++i) {
      if (rank_[i] < 0) continue;
      rank_[i] = static_cast<int>(list_.size());
      list_.push_back(static_cast<int>(i));
    }
  }
  [[nodiscard]] const std::vector<int>& list() const { return list_; }
  [[nodiscard]] int rank(int position) const { return rank_[position]; }
  [[nodiscard]] int count() const { return static_cast<int>(list_.size()); }

 private:
  std::vector<int> rank_;
  std::vector<int> list_;
};

// One axis of a component: where its samples for a pixel are.
struct Axis {
  int factor = 1;  // pixels a sample
  bool fancy = false;
  int size = 0;  // samples

  [[nodiscard]] int near(int pixel) const { return pixel / factor; }
  // On the other side of the pixel; at the border the nearer sample once more.
  [[nodiscard]] int far(int pixel) const {
    return std::clamp(pixel / 2 + (pixel % 2 != 0 ? 1 : -1), 0, size - 1);
  }
  void addNeeded(const std::vector<int>& pixels, Needed& needed) const {
    for (const int pixel : pixels) {
      needed.add(near(pixel));
      if (fancy) needed.add(far(pixel));
    }
    needed.close();
  }
};

// As libjpeg-turbo chooses: fancy wherever a factor is 2, except where that involves columns and
// there are no more than two of them. Factors other than 1 and 2 are done by repeating.
Upsampling chooseUpsampling(int across, int down, int samplesAcross) {
  if (across == 1 && down == 2) return Upsampling::Rows;
  if (across == 2 && samplesAcross > 2) {
    return down == 2 ? Upsampling::RowsColumns : Upsampling::Columns;
  }
  return Upsampling::Repeat;
}

Needed neededOf(const AxisTaps& taps, int size) {
  Needed needed(size);
  for (const int position : taps.first) needed.add(position);
  for (const int position : taps.second) needed.add(position);
  needed.close();
  return needed;
}

void planBlockRows(ComponentPlan& component, const Needed& rows, int blockRows) {
  component.rowCount = rows.count();
  component.blockRows.assign(static_cast<std::size_t>(blockRows), {});
  int count = 0;
  auto next = rows.list().begin();
  for (int i = 0; i < blockRows; ++i) {
    component.blockRows[i].firstRow = count;
    for (; next != rows.list().end() && *next / 8 == i; ++next, ++count) {
      component.blockRows[i].rows |= static_cast<std::uint8_t>(1 << (*next % 8));
    }
  }
}

// Chooses dense or sparse columns; gives the position in a row of each needed column.
std::vector<int> planColumns(ComponentPlan& component, const Needed& columns, int octets) {
  std::vector<std::vector<int>> wanted(static_cast<std::size_t>(octets) * kOctet);
  for (const int column : columns.list()) wanted[column / 8].push_back(column % 8);
  std::size_t most = 0;
  for (const auto& block : wanted) most = std::max(most, block.size());
  const bool sparse = most <= kMaxSlots;
  component.slots = sparse ? static_cast<int>(most) : 0;
  component.octetBytes = kOctet * (sparse ? kMaxSlots : 8);
  component.stride = padded(static_cast<std::size_t>(octets) * component.octetBytes);

  std::vector<int> positions;
  if (!sparse) return columns.list();

  const DctMatrix matrix = makeDctMatrix();
  component.weights.assign(wanted.size() * most * 8, 0);
  for (std::size_t block = 0; block < wanted.size(); ++block) {
    for (std::size_t slot = 0; slot < wanted[block].size(); ++slot) {
      positions.push_back(static_cast<int>(block / 4 * 16 + slot * 4 + block % 4));
      for (std::size_t k = 0; k < 8; ++k) {
        const std::size_t row = (block / kOctet * most + slot) * 4 + k / 2;
        component.weights[(row * kOctet + block % kOctet) * 2 + k % 2] =
            matrix[wanted[block][slot]][kColumnOrder[k]];
      }
    }
  }
  return positions;
}

struct ComponentAxes {
  Axis across;
  Axis down;
};

ComponentAxes planComponent(Plan& plan, int index, const Needed& pixelColumns,
                            const Needed& pixelRows, Needed& rows) {
  const Geometry& g = plan.geometry;
  ComponentPlan& component = plan.components[index];
  component.h = index == 0 ? g.h : 1;
  component.v = index == 0 ? g.v : 1;
  ComponentAxes axes;
  axes.across.factor = g.h / component.h;
  axes.down.factor = g.v / component.v;
  axes.across.size = ceilDivide(g.width, axes.across.factor);
  axes.down.size = ceilDivide(g.height, axes.down.factor);
  component.upsampling = chooseUpsampling(axes.across.factor, axes.down.factor, axes.across.size);
  axes.across.fancy = component.upsampling == Upsampling::Columns ||
                      component.upsampling == Upsampling::RowsColumns;
  axes.down.fancy =
      component.upsampling == Upsampling::Rows || component.upsampling == Upsampling::RowsColumns;

  rows = Needed(axes.down.size);
  axes.down.addNeeded(pixelRows.list(), rows);
  planBlockRows(component, rows, plan.mcusDown * component.v);

  Needed columns(axes.across.size);
  axes.across.addNeeded(pixelColumns.list(), columns);
  const int octets = ceilDivide(plan.mcusAcross * component.h, kOctet);
  const std::vector<int> positions = planColumns(component, columns, octets);
  const bool dense = component.slots == 0;
  const auto positionOf = [&](int column) {
    return dense ? column : positions[columns.rank(column)];
  };
  std::vector<std::int32_t> near;
  std::vector<std::int32_t> far;
  for (const int pixel : pixelColumns.list()) {
    near.push_back(positionOf(axes.across.near(pixel)));
    if (axes.across.fancy) far.push_back(positionOf(axes.across.far(pixel)));
  }
  component.near = makeGather(near);
  component.far = makeGather(far);
  if (index > 0) component.widePairs = makeWidePairs(near, far.empty() ? near : far);
  return axes;
}

void planResize(Plan& plan, ResizeTaps taps, const Needed& columns, const Needed& rows) {
  plan.method = taps.method;
  const auto ranks = [](std::vector<std::int32_t> positions, const Needed& needed) {
    for (std::int32_t& position : positions) position = needed.rank(position);
    return positions;
  };
  const auto left = ranks(taps.columns.first, columns);
  const auto right = ranks(taps.columns.second, columns);
  plan.left = makeGather(left);
  plan.right = makeGather(right);
  plan.wideMix = makeWideMix(left, right, taps.columns.firstWeight, taps.columns.secondWeight);
  plan.leftWeights = std::move(taps.columns.firstWeight);
  plan.rightWeights = std::move(taps.columns.secondWeight);
  plan.leftWeights.resize(plan.outStride);
  plan.rightWeights.resize(plan.outStride);
  plan.outRows.first = ranks(taps.rows.first, rows);
  plan.outRows.second = ranks(taps.rows.second, rows);
  plan.outRows.firstWeight = std::move(taps.rows.firstWeight);
  plan.outRows.secondWeight = std::move(taps.rows.secondWeight);
}

}  // namespace

std::unique_ptr<Plan> makePlan(const Geometry& g) {
  auto plan = std::make_unique<Plan>();
  plan->geometry = g;
  plan->mcusAcross = ceilDivide(g.width, 8 * g.h);
  plan->mcusDown = ceilDivide(g.height, 8 * g.v);
  for (int i = 0; i < g.componentCount; ++i) {
    plan->components[i].firstBlock = plan->blocksPerMcu;
    plan->blocksPerMcu += i == 0 ? g.h * g.v : 1;
  }
  plan->batchMcus = kMaxBatchBlocks / plan->blocksPerMcu / kOctet * kOctet;

  const ResizeTaps taps = makeResizeTaps(g.width, g.height, g.outWidth, g.outHeight);
  const Needed columns = neededOf(taps.columns, g.width);
  const Needed rows = neededOf(taps.rows, g.height);
  plan->columnCount = columns.count();
  plan->pixelStride = padded(static_cast<std::size_t>(columns.count()));
  plan->outStride = padded(static_cast<std::size_t>(g.outWidth));

  Needed lumaRows(0);
  Needed chromaRows(0);
  planComponent(*plan, 0, columns, rows, lumaRows);
  ComponentAxes chroma;
  for (int i = 1; i < g.componentCount; ++i) {
    chroma = planComponent(*plan, i, columns, rows, chromaRows);
  }
  const bool colour = g.componentCount > 1;
  for (const int y : rows.list()) {
    PixelRow row{.near = {lumaRows.rank(y), 0}, .far = 0, .rowBias = 0, .mcuRow = y / (8 * g.v)};
    if (colour) {
      row.near[1] = row.far = chromaRows.rank(chroma.down.near(y));
      if (chroma.down.fancy) {
        const int far = chroma.down.far(y);
        row.far = chromaRows.rank(far);
        row.rowBias = y % 2 == 0 ? 1 : 2;  // jdsample.c, h1v2_fancy_upsample
        row.mcuRow = std::max(row.mcuRow, far / 8);
      }
    }
    plan->pixelRows.push_back(row);
  }
  // jdsample.c: h2v1 adds 1 and 2, h2v2 8 and 7, to even and odd columns.
  const bool both = colour && plan->components[1].upsampling == Upsampling::RowsColumns;
  plan->columnBias.assign(plan->pixelStride, 0);
  for (int i = 0; i < columns.count(); ++i) {
    const bool odd = columns.list()[i] % 2 != 0;
    plan->columnBias[i] = both ? (odd ? 7 : 8) : (odd ? 2 : 1);
  }
  planResize(*plan, taps, columns, rows);
  return plan;
}

std::uint64_t Plan::workBytes() const {
  std::uint64_t bytes = (3 * pixelStride + 6 * outStride) * 2;
  for (std::size_t i = 0; i < components.size(); ++i) {
    const ComponentPlan& component = components[i];
    const std::uint64_t bytesPerSample = i == 0 ? 1 : 2;
    bytes += component.rowCount * bytesPerSample * pixelStride +
             std::size_t{8} * component.v * component.stride;
  }
  return bytes;
}

}  // namespace lungcls::jpeg_sparse
