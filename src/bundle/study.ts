/** What is known of the study that a model comes from, as its card tells it. */

/** A figure with its 95 % interval. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** Not finite where too few resamples had a value. */
  readonly low: number;
  readonly high: number;
}

export interface StudyFacts {
  /** Tiles of the store, of each class, in the order of the model's, and files that gave none. */
  readonly tiles: number;
  readonly perClass: readonly number[];
  readonly failed: number;
  /** Of the store, hex. */
  readonly store: string;
  readonly train: number;
  readonly validation: number;
  readonly validationPerClass: readonly number[];
  /** The split in a sentence or two. */
  readonly split: string;
  /** Groups of tiles made from one original; undefined where they are not known. */
  readonly groups: number | undefined;
  /** Validation tiles with a sibling in training; undefined where it is not known. */
  readonly leaked: number | undefined;
  /** What was drawn with replacement for the intervals, how many of them, and how often. */
  readonly resampled: 'groups' | 'tiles';
  readonly units: number;
  readonly resamples: number;
  /** Of the validation part, by the head's own probabilities. */
  readonly overall: readonly Figure[];
  readonly perClassFigures: readonly (readonly Figure[])[];
  /** Rows are true classes, columns predicted ones. */
  readonly confusionMatrix: readonly (readonly number[])[];
  /** Log loss, Brier score and calibration error before and after temperature scaling. */
  readonly calibration: readonly { readonly before: Figure; readonly after: Figure }[];
  /** Further splits of the same tiles, in words. */
  readonly further: readonly string[];
}
