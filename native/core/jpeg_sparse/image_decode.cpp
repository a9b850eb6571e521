#include "image_decode.hpp"

#include <algorithm>

namespace lungcls::jpeg_sparse {
namespace {

constexpr int kOctet = 8;
// Beyond this much working memory an image is left to libjpeg-turbo, which streams it.
constexpr std::uint64_t kMaxWorkBytes = 256ULL << 20;

}  // namespace

bool ImageDecode::begin(SparseJob& job, HuffmanCache& tables, PlanCache& plans) {
  job_ = &job;
  const SparseResult result = prepare(job, tables, plans);
  return result == SparseResult::Ok || end(result);
}

SparseResult ImageDecode::prepare(const SparseJob& job, HuffmanCache& tables, PlanCache& plans) {
  if (const auto result = readFrameHeader(job.jpeg, header_); result != SparseResult::Ok) {
    return result;
  }
  const std::uint64_t pixels = static_cast<std::uint64_t>(header_.width) * header_.height;
  if (pixels > job.maxPixels || job.outWidth < 1 || job.outHeight < 1) {
    return SparseResult::NotTaken;
  }
  if (const auto result = scan_.read(job.jpeg.subspan(header_.scanBegin));
      result != SparseResult::Ok) {
    return result;
  }
  if (job.filtered) filterTables(header_, job.outWidth, job.outHeight);
  plan_ = plans.get({.width = header_.width,
                     .height = header_.height,
                     .componentCount = header_.componentCount,
                     .h = header_.components[0].h,
                     .v = header_.components[0].v,
                     .outWidth = job.outWidth,
                     .outHeight = job.outHeight});
  if (plan_->workBytes() > kMaxWorkBytes) return SparseResult::NotTaken;
  const std::int64_t mcus = static_cast<std::int64_t>(plan_->mcusAcross) * plan_->mcusDown;
  const std::int64_t interval = header_.restartInterval == 0 ? mcus : header_.restartInterval;
  if (static_cast<std::int64_t>(scan_.segmentCount()) != (mcus + interval - 1) / interval) {
    return SparseResult::Damaged;
  }

  mcuTables_.clear();
  for (int i = 0; i < header_.componentCount; ++i) {
    const ComponentSpec& component = header_.components[i];
    tables_[i] = tables.get(header_.dcTables[component.dc], header_.acTables[component.ac]);
    if (tables_[i] == nullptr) return SparseResult::Damaged;
    dequantizers_[i].set(header_.quants[component.quant]);
    mcuTables_.insert(mcuTables_.end(), static_cast<std::size_t>(component.h) * component.v,
                      {&tables_[i]->dc, &tables_[i]->ac});
  }
  layOutBlocks();
  entropy_.setTables(mcuTables_);
  entropy_.clearCoefficients(kMaxBatchBlocks);
  rows_.begin(*plan_, job.rgb);
  dc_ = {};
  mcuRow_ = 0;
  mcuColumn_ = 0;
  segment_ = 0;
  untilRestart_ = static_cast<int>(std::min(interval, mcus));
  entropy_.beginSegment(scan_.segment(0));
  beginBatch();
  return SparseResult::Ok;
}

void ImageDecode::layOutBlocks() {
  for (int i = 0; i < header_.componentCount; ++i) {
    const ComponentPlan& component = plan_->components[i];
    auto& offsets = blockOffsets_[i];
    offsets.clear();
    for (int v = 0; v < component.v; ++v) {
      for (int block = 0; block < plan_->batchMcus * component.h; ++block) {
        const int mcu = block / component.h;
        const int inMcu = component.firstBlock + v * component.h + block % component.h;
        offsets.push_back((mcu * plan_->blocksPerMcu + inMcu) * kBlockSize);
      }
    }
  }
}

void ImageDecode::beginBatch() {
  batchMcus_ = std::min(plan_->batchMcus, plan_->mcusAcross - mcuColumn_);
  stretchEnd_ = 0;
  beginStretch();
}

// A stretch ends with its batch, or before a restart marker.
void ImageDecode::beginStretch() {
  stretchBegin_ = stretchEnd_;
  stretchEnd_ = std::min(batchMcus_, stretchBegin_ + untilRestart_);
  entropy_.beginStretch(stretchBegin_ * plan_->blocksPerMcu, stretchEnd_ * plan_->blocksPerMcu);
}

bool ImageDecode::finishStretch() {
  entropy_.finishStretch();
  if (!entropy_.intact()) return end(SparseResult::Damaged);
  addDcPredictions();
  untilRestart_ -= stretchEnd_ - stretchBegin_;
  if (untilRestart_ == 0 && !entropy_.atSegmentEnd()) return end(SparseResult::Damaged);
  if (stretchEnd_ < batchMcus_) {
    beginNextSegment();
    beginStretch();
    return true;
  }

  // Numbers beyond the range that is certain: libjpeg-turbo's own code shall decide.
  if (!transformBatch()) return end(SparseResult::NotTaken);
  mcuColumn_ += batchMcus_;
  if (mcuColumn_ == plan_->mcusAcross) {
    rows_.finishMcuRow(mcuRow_);
    mcuColumn_ = 0;
    if (++mcuRow_ == plan_->mcusDown) return end(SparseResult::Ok);
  }
  if (untilRestart_ == 0) beginNextSegment();
  beginBatch();
  return true;
}

void ImageDecode::beginNextSegment() {
  entropy_.beginSegment(scan_.segment(++segment_));
  dc_ = {};
  const std::int64_t done = static_cast<std::int64_t>(segment_) * header_.restartInterval;
  const std::int64_t mcus = static_cast<std::int64_t>(plan_->mcusAcross) * plan_->mcusDown;
  untilRestart_ = static_cast<int>(std::min<std::int64_t>(header_.restartInterval, mcus - done));
}

void ImageDecode::addDcPredictions() {
  const std::size_t mcuSize = static_cast<std::size_t>(plan_->blocksPerMcu) * kBlockSize;
  for (int i = 0; i < header_.componentCount; ++i) {
    const ComponentPlan& component = plan_->components[i];
    const int blocks = component.h * component.v;
    std::int16_t* mcu = entropy_.coefficients() + stretchBegin_ * mcuSize +
                        static_cast<std::size_t>(component.firstBlock) * kBlockSize;
    std::int16_t dc = dc_[i];
    for (int n = stretchBegin_; n < stretchEnd_; ++n, mcu += mcuSize) {
      for (int b = 0; b < blocks; ++b) {
        std::int16_t& coded = mcu[static_cast<std::size_t>(b) * kBlockSize];
        // Modulo 2^16, as libjpeg stores it.
        dc = static_cast<std::int16_t>(dc + coded);
        coded = dc;
      }
    }
    dc_[i] = dc;
  }
}

// Leaves zeros in place of the coefficients, for the next batch.
bool ImageDecode::transformBatch() {
  const int count = header_.componentCount;
  bool exact = true;
  bool all = true;
  const auto transform = [&](int firstComponent, int components, int v) {
    const ComponentPlan& plan = plan_->components[firstComponent];
    if (plan.blockRows[static_cast<std::size_t>(mcuRow_) * plan.v + v].rows == 0) {
      all = false;
    } else {
      exact &= transformBlockRow(firstComponent, components, v);
    }
  };
  for (int v = 0; v < plan_->components[0].v; ++v) transform(0, 1, v);
  // Two chroma components have the same layout, so their octets can share a vector.
  if (count > 1) transform(1, count - 1, 0);
  if (!all) entropy_.clearCoefficients(batchMcus_ * plan_->blocksPerMcu);
  return exact;
}

bool ImageDecode::transformBlockRow(int firstComponent, int components, int v) {
  const ComponentPlan& plan = plan_->components[firstComponent];
  const ComponentPlan::BlockRow* blockRows =
      &plan.blockRows[static_cast<std::size_t>(mcuRow_) * plan.v];
  // The needed rows of the block rows above are in the buffer before these.
  const std::size_t row = blockRows[v].firstRow - blockRows[0].firstRow;
  const int firstOctet = mcuColumn_ * plan.h / kOctet;
  const int octets = (batchMcus_ * plan.h + kOctet - 1) / kOctet;
  octets_.clear();
  for (int i = firstComponent; i < firstComponent + components; ++i) {
    const ComponentPlan& component = plan_->components[i];
    const std::int32_t* offsets =
        blockOffsets_[i].data() + static_cast<std::size_t>(v) * plan_->batchMcus * component.h;
    for (int octet = 0; octet < octets; ++octet) {
      const std::size_t inRow = firstOctet + octet;
      octets_.push_back(
          {.coefficients = entropy_.coefficients(),
           .offsets = offsets + std::size_t{kOctet} * octet,
           .dequantizer = &dequantizers_[i],
           .weights = component.weights.data() + inRow * component.slots * 4 * kOctet * 2,
           .out = rows_.samples(i) + row * component.stride + inRow * component.octetBytes});
    }
  }
  return kernels_->inverseDct(
      {.octets = octets_, .rows = blockRows[v].rows, .slots = plan.slots, .stride = plan.stride});
}

bool ImageDecode::end(SparseResult result) {
  job_->result = result;
  plan_ = nullptr;
  tables_ = {};
  return false;
}

}  // namespace lungcls::jpeg_sparse
