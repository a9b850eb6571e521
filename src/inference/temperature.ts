/** A classifier whose probabilities are divided by the temperature that its model carries. */
import { calibrate } from '../bundle/calibration.js';
import type { ModelDescription } from '../bundle/metadata.js';
import { LungclsError } from '../errors.js';
import type { Classifier } from './classifier.js';

/**
 * The temperature to apply; undefined where probabilities are to be what the network gives.
 * @param calibrated true asks for it, false for none; if not given, where the model has one
 * @throws LungclsError INVALID_OPTION: it was asked for, and the model has none
 */
export function temperatureOf(
  { calibration }: Pick<ModelDescription, 'calibration'>,
  calibrated: boolean | undefined,
): number | undefined {
  if (calibrated !== undefined && typeof calibrated !== 'boolean') {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected true or false for calibrated but received ${JSON.stringify(calibrated)}`,
    );
  }
  if (calibrated === true && calibration === undefined) {
    throw new LungclsError(
      'INVALID_OPTION',
      'Expected a model with a temperature for calibrated but this one has none: its training fitted none, or is of an earlier version',
    );
  }
  return calibrated === false ? undefined : calibration?.temperature;
}

/**
 * Calibrated probabilities of the same labels. Goes around whatever else changes probabilities: of a mean
 * over flips and rotations the mean is calibrated, so that its label stays.
 */
export function withTemperature(
  classifier: Classifier,
  temperature: number | undefined,
): Classifier {
  if (temperature === undefined) return classifier;
  const { classes, engine, parallelRuns, preprocessing, preprocessingFingerprint } = classifier;
  const { judgesDomain } = classifier;
  return {
    ...{ classes, engine, parallelRuns, preprocessing, preprocessingFingerprint, judgesDomain },
    description: `${classifier.description}, temperature ${temperature.toFixed(3)}`,
    async classifyTiles(tiles, count) {
      // The call below reads the tiles before it gives the promise.
      return calibrate(await classifier.classifyTiles(tiles, count), classes.length, temperature);
    },
    async judgeTiles(tiles, count) {
      const { probabilities, domain } = await classifier.judgeTiles(tiles, count);
      return { probabilities: calibrate(probabilities, classes.length, temperature), domain };
    },
    close: () => classifier.close(),
  };
}
