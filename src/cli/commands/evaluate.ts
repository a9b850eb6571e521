import { defineCommand, type CommandResult } from '../command.js';
import { BATCH_SIZE, ENGINE, PRECISION, defined, DEVICE, FORCE, THREADS } from '../options.js';
import { outOfDomainLines } from '../out-of-domain.js';
import { formatCount, formatSeconds } from '../progress-meter.js';

export const evaluateCommand = defineCommand({
  usage: 'evaluate <model> <store>',
  describe: 'Judge a model on labelled tiles; writes a report',
  builder: (argv) =>
    argv
      .positional('model', {
        type: 'string',
        demandOption: true,
        describe: 'A model bundle (run/model), or the .onnx in it (then without heat maps)',
      })
      .positional('store', {
        type: 'string',
        demandOption: true,
        describe: "A tile store made with the model's --size and --resize; classes match by name",
      })
      .option('output', {
        alias: 'o',
        type: 'string',
        requiresArg: true,
        default: 'evaluation',
        describe: 'The folder for report.html, metrics.json and predictions.csv',
      })
      .option('groups', {
        type: 'string',
        requiresArg: true,
        describe:
          "CSV that says which tiles come from one original or patient: path,group, or LC25000-clean's; intervals are then over groups. Default: the store's groups.csv, else its index.csv",
      })
      .option('calibrated', {
        type: 'boolean',
        defaultDescription: 'where the model has a temperature',
        describe:
          "Probabilities after temperature scaling, as predict gives them; --no-calibrated: the network's own",
      })
      .option('engine', ENGINE)
      .option('precision', PRECISION)
      .option('device', DEVICE)
      .option('batch-size', BATCH_SIZE)
      .option('threads', THREADS)
      .option('force', FORCE)
      .example('$0 evaluate run/model other-hospital -o evaluation', 'any labelled tile store')
      .example(
        '$0 evaluate run/model store2 --groups patients.csv',
        'intervals over patients, not tiles',
      ),
  async run(argv, { task }) {
    const { evaluate } = await import('../../assessment/evaluate.js');
    const result = await evaluate({
      ...task,
      ...defined({
        model: argv.model,
        store: argv.store,
        output: argv.output,
        groups: argv.groups,
        calibrated: argv.calibrated,
        engine: argv.engine,
        precision: argv.precision,
        device: argv.device,
        batchSize: argv['batch-size'],
        threads: argv.threads,
        force: argv.force,
      }),
    });
    return describe(result);
  },
});

type EvaluateResult = import('../../assessment/evaluate.js').EvaluateResult;

function describe(result: EvaluateResult): CommandResult {
  const { accuracy, balancedAccuracy, macroF1, macroRocAuc, logLoss, calibrationError } = result;
  const { temperature, resampled, units } = result;
  const four = (value: number): string => (Number.isFinite(value) ? value.toFixed(4) : 'n/a');
  const interval = ({ value, low, high }: EvaluateResult['accuracy']): string =>
    `${four(value)} (${four(low)} to ${four(high)})`;
  const of = temperature === null ? "the network's own" : `temperature ${temperature.toFixed(3)}`;
  return {
    value: result,
    lines: [
      `${formatCount(result.tiles)} tiles in ${formatSeconds(result.seconds)}; 95% intervals over ${formatCount(units)} ${resampled}`,
      `Accuracy ${interval(accuracy)}, balanced ${interval(balancedAccuracy)}`,
      `Macro F1 ${interval(macroF1)}, ROC area ${interval(macroRocAuc)}`,
      `Log loss ${interval(logLoss)}, calibration error ${interval(calibrationError)} (${of})`,
      ...outOfDomainLines(result.outOfDomain, 'tiles'),
      `Report: ${result.report}`,
    ],
  };
}
