/** The public API of lungcls-fast: re-exports, nothing else. */
export { DEFAULT_BASE, LC25000_CLASSES, RECIPE, RESEARCH_NOTICE } from './config.js';
export { ERROR_CODES, LungclsError, type ErrorCode } from './errors.js';
export type { Progress, TaskOptions } from './runtime/progress.js';

export {
  preprocess,
  type PreprocessFailure,
  type PreprocessOptions,
  type PreprocessResult,
} from './dataset/preprocess.js';
export { samples, type SamplesOptions, type SamplesResult } from './dataset/samples.js';
export {
  makeSampleTiles,
  type SampleTilesOptions,
  type SampleTilesResult,
} from './dataset/sample/tiles.js';
export { decodeTiles, type DecodeOptions, type TileBatch } from './imaging/decoder.js';
export type { TileResult, TileStatus } from './imaging/tile-batch.js';
export type { ImageSource, ZipEntryLocation } from './imaging/source.js';
export { TileStore, type StoreBatch } from './imaging/tile-store.js';
export type { PreprocessingSpec, ResizeMode } from './imaging/preprocessing.js';

export {
  audit,
  type AuditOptions,
  type AuditResult,
  type ClassGroups,
  type RandomSplitLeakage,
} from './audit/audit.js';
export {
  explainPair,
  type ExplainedStep,
  type ExplainOptions,
  type ExplainResult,
} from './audit/explain.js';
export type { Verdict } from './audit/verdict.js';

export { train, type TrainResult } from './training/train.js';
export type { TrainOptions } from './training/options.js';
export type { ClassWeights } from './training/class-weights.js';
export type { HeadKind } from './network/head.js';
export type { Calibration } from './bundle/calibration.js';
export { evaluate, type EvaluateOptions, type EvaluateResult } from './assessment/evaluate.js';
export {
  explainImages,
  type ExplainedImage,
  type ExplainImagesOptions,
  type ExplainImagesResult,
} from './assessment/explain-images.js';
export type { EpochRecord } from './training/history.js';

export { DOMAIN_REASONS, type DomainJudgement, type DomainReason } from './domain/domain.js';
export { predict, type PredictOptions, type PredictResult } from './inference/predict.js';
export {
  Classifier,
  type CallOptions,
  type Classification,
  type ImageClassifierOptions,
  type ImageInput,
} from './inference/image-classifier.js';
export { exportModel, type ExportOptions, type ExportResult } from './export/export-model.js';
export type { ExportFigures } from './export/gate.js';
export { merge, type MergeOptions, type MergeResult } from './inference/merge.js';
export type { ResultFormat } from './inference/result-format.js';
export { parseShard, shardOfPath, type Shard } from './inference/shard.js';
export type { TtaMode } from './inference/tta.js';
export {
  loadClassifier,
  type Classifier as TileClassifier,
  type ClassifierOptions,
  type Device,
  type Engine,
  type Precision,
  type TileJudgements,
} from './inference/classifier.js';

export {
  fetchBase,
  importBase,
  listBases,
  type BaseSummary,
  type ImportBaseOptions,
} from './network/bases.js';

export { bufferMemory, type BufferMemory, type MemoryKind } from './native/addon.js';
export { doctor, type Fact } from './runtime/doctor.js';
export { bench } from './bench/bench.js';
export { compareBenches, type BenchComparison, type Change } from './bench/compare.js';
export type { BenchOptions } from './bench/options.js';
export { readBench } from './bench/read.js';
export type { BenchResults, TrialResult } from './bench/results.js';
export { demo, type DemoOptions, type DemoResult } from './demo.js';
