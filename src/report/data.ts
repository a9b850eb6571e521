/**
 * What a report is made of, as plain data. It is kept close to `metrics.json`: the same numbers
 * under the same names, and beside them the pictures.
 */
import type { Calibration } from '../bundle/calibration.js';
import type { CalibrationScores } from '../evaluation/calibration-scores.js';
import type { DomainScores } from '../evaluation/domain-scores.js';
import type { ClassificationReport } from '../evaluation/classification-report.js';
import type { Leakage, SampledLeakage } from '../dataset/leakage.js';
import type { Scores } from '../evaluation/scores.js';

/** One picture of a tile. Any size; 128 to 256 pixels a side is plenty for the page. */
export interface ReportSample {
  /** Index into `ReportCommon.classes`. */
  readonly label: number;
  /** The tile's path as it stands in the store's index. */
  readonly path: string;
  readonly mediaType: 'image/png' | 'image/jpeg';
  /** The encoded picture. */
  readonly data: Uint8Array;
}

/** A tile that is worth looking at, beside its heat map. */
export interface ReportExample {
  /** As it stands in the store's index. */
  readonly path: string;
  /** Indices into `ReportCommon.classes`. */
  readonly truth: number;
  readonly predicted: number;
  /** Probability of the class it was given, 0 to 1. */
  readonly confidence: number;
  /** JPEG files. */
  readonly tile: Uint8Array;
  /** Absent where the network cannot be looked into. */
  readonly heat?: Uint8Array;
}

/** A file that gave no tile, or a tile that was left out. */
export interface ReportFailure {
  readonly path: string;
  /** `damaged` or an error code. */
  readonly status: string;
  readonly message?: string;
}

export interface ReportStore {
  /** Where the tile store is, as the user named it. */
  readonly path: string;
  /** Tiles in the store, and how many of each class (in the order of `ReportCommon.classes`). */
  readonly tiles: number;
  readonly perClass: readonly number[];
  /** Side of a tile in pixels, and how it was made: "cv2", "rgb". */
  readonly size: number;
  readonly resize: string;
  readonly color: string;
  /** Hash of the store's content, and of its preprocessing. */
  readonly fingerprint: string;
  readonly preprocessingFingerprint: string;
  /** Files that gave no tile: how many in all, and the first of them (the page shows at most 50). */
  readonly failed: number;
  readonly failures: readonly ReportFailure[];
}

/** One epoch. Losses are mean categorical cross-entropies, accuracies are 0 to 1. */
export interface ReportEpoch {
  /** 1 for the first. */
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly valLoss: number;
  readonly valAccuracy: number;
  readonly learningRate: number;
  readonly seconds: number;
}

export interface ReportSplit {
  /** `random`: copies of one original may stand on both sides; `grouped`: they may not; `file`: given. */
  readonly kind: 'random' | 'grouped' | 'file';
  readonly seed: number;
  /** Share asked for the validation part, 0 to 1; absent where a file or the number of folds says it. */
  readonly validationShare?: number;
  /** The file that says it. */
  readonly file?: string;
  /** Tiles on each side, and on none. */
  readonly train: number;
  readonly validation: number;
  readonly unused?: number;
  /** Validation tiles of each class, in the order of `ReportCommon.classes`. */
  readonly validationPerClass?: readonly number[];
  /** Which tiles belong together, where it is known. */
  readonly groups?: {
    /** The file that says it. */
    readonly from: string;
    readonly count: number;
    /** Tiles of no known group. */
    readonly unknownTiles: number;
  };
  /** What of the validation part has been seen in training, where groups are known. */
  readonly leakage?: Leakage;
  /** The same of a sample, where they are not known and it was looked for. */
  readonly sampledLeakage?: SampledLeakage;
  /** Anything more that has to be said about it. */
  readonly note?: string;
}

/** One of two trainings on the same features that differ in their split alone. */
export interface ReportComparedSplit {
  readonly split: ReportSplit;
  readonly accuracy: number;
  readonly logLoss: number;
  /** Mean F1 over the classes. */
  readonly macroF1: number;
  readonly bestEpoch: number;
  readonly stopReason: string;
}

/** k-fold cross-validation: as many trainings, each tile judged once by a head that has not seen it. */
export interface ReportCrossValidation {
  readonly kind: 'random' | 'grouped';
  readonly seed: number;
  readonly folds: readonly ReportComparedSplit[];
  /** Of the folds' accuracies; the deviation is NumPy's `std`, as scikit-learn's guide prints it. */
  readonly meanAccuracy: number;
  readonly standardDeviation: number;
  /** Of all tiles together. */
  readonly pooledAccuracy: number;
  readonly pooledLogLoss: number;
}

/** The scores, unrounded, and what `sklearn.metrics.classification_report` prints of them. */
export interface ReportClassification extends ClassificationReport {
  readonly text: string;
}

export interface ReportBase {
  readonly id: string;
  readonly name: string;
  readonly source: string;
  readonly licence: string;
  readonly fingerprint: string;
}

export interface ReportRunsOn {
  /** `Tensorflow.description`: "tfjs-node-gpu on libtensorflow 2.21.0 (CPU)"; absent where none was used. */
  readonly tensorflow?: string;
  /** `OnnxSession.description`: "ONNX Runtime 1.30.0, CPU". */
  readonly onnxRuntime: string;
  readonly threads: number;
  readonly node: string;
  /** "linux x64". */
  readonly platform: string;
  readonly cpu?: string;
  readonly memoryBytes?: number;
}

/** How long one step took. */
export interface ReportTime {
  /** "features at mixed7", "training the head", ... */
  readonly step: string;
  readonly seconds: number;
  /** Tiles it handled, where a rate means something. */
  readonly tiles?: number;
}

/** A hash, a fingerprint or a version: anything by which the run can be recognised later. */
export interface ReportHash {
  readonly name: string;
  readonly value: string;
}

/** The temperature of a model, and what it does to the probabilities of the judged tiles. */
export interface ReportCalibration extends Calibration, CalibrationScores {}

/** What the report of a training and that of an evaluation have in common. */
export interface ReportCommon {
  readonly title: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly toolVersion: string;
  readonly classes: readonly string[];
  readonly store: ReportStore;
  /** In any order; the page groups them by class. */
  readonly samples: readonly ReportSample[];
  readonly base: ReportBase;
  /** How pixels are fed to the base. */
  readonly pixels: 'inception' | 'recipe';
  /** The trained head in words: "Flatten, Dense 256 relu, ...". */
  readonly head: string;
  /** Every setting by its option's name, in the order in which they are shown. */
  readonly settings: Readonly<Record<string, string | number | boolean | null>>;
  /** Of the judged tiles. */
  readonly accuracy: number;
  readonly logLoss: number;
  /** Rows are true classes, columns predicted ones. */
  readonly confusionMatrix: readonly (readonly number[])[];
  readonly classificationReport: ReportClassification;
  /** More scores of the same tiles, with their intervals. */
  readonly scores?: Scores;
  /** Where the model has a temperature. */
  readonly calibration?: ReportCalibration;
  /** Which of them are unlike the tiles of training, where the model can tell. */
  readonly domain?: DomainScores;
  /** Judged tiles to look at. */
  readonly examples?: readonly ReportExample[];
  readonly runsOn: ReportRunsOn;
  readonly times: readonly ReportTime[];
  readonly hashes: readonly ReportHash[];
}

/** A training, judged on its validation part by the probabilities that the head itself gives. */
export interface ReportData extends ReportCommon {
  readonly history: readonly ReportEpoch[];
  /** The epoch (1 for the first) whose weights were kept. */
  readonly bestEpoch: number;
  /** Why training stopped, in words: "validation accuracy above 0.9". */
  readonly stopReason: string;
  readonly split: ReportSplit;
  /** The random and the grouped split, in this order, where both were trained. */
  readonly comparison?: readonly ReportComparedSplit[];
  readonly crossValidation?: ReportCrossValidation;
  /** Largest difference between the probabilities of the tfjs and the ONNX model on held-out tiles. */
  readonly exportMaxDifference?: number;
}

/** A model, judged on all tiles of a labelled store by the probabilities that `predict` gives. */
export interface EvaluationData extends ReportCommon {
  readonly model: EvaluatedModel;
  /** Which tiles belong together, where it is known. */
  readonly groups?: ReportSplit['groups'];
  /** Whether the probabilities were divided by the model's temperature. */
  readonly calibrated: boolean;
}

export interface EvaluatedModel {
  /** As the user named it. */
  readonly path: string;
  /** Of its preprocessing and its files, hex. */
  readonly fingerprint: string;
  /** The version of this tool that trained it. */
  readonly toolVersion: string;
  /** How it was trained, as it says itself; nested values by dotted names. */
  readonly training: Readonly<Record<string, string>>;
  /** Its figures from then, likewise. */
  readonly metrics: Readonly<Record<string, string>>;
  /** Whether the judged store is the one that it was trained on; undefined where it does not say. */
  readonly sameStore: boolean | undefined;
}
