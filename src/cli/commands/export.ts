import { LungclsError } from '../../errors.js';
import { defineCommand } from '../command.js';
import { defined, FORCE } from '../options.js';
import { formatCount } from '../progress-meter.js';

export const exportCommand = defineCommand({
  usage: 'export <model>',
  describe: 'Write a trained model for other runtimes: ONNX, Triton, TensorFlow.js',
  builder: (argv) =>
    argv
      .positional('model', {
        type: 'string',
        demandOption: true,
        describe: 'A model bundle (run/model)',
      })
      .option('precision', {
        choices: ['fp32', 'fp16', 'int8'] as const,
        requiresArg: true,
        default: 'fp32' as const,
        describe: 'Of the ONNX model; int8 is calibrated on training tiles',
      })
      .option('output', {
        alias: 'o',
        type: 'string',
        requiresArg: true,
        describe: 'A folder for the ONNX file: model.onnx, model.fp16.onnx or model.int8.onnx',
      })
      .option('triton', {
        type: 'string',
        requiresArg: true,
        describe: 'A model repository of Triton, to which lungcls_<precision>/ is added',
      })
      .option('tfjs-graph', {
        type: 'string',
        requiresArg: true,
        describe: 'A folder for a TensorFlow.js graph model; always in fp32',
      })
      .option('store', {
        type: 'string',
        requiresArg: true,
        defaultDescription: 'what the run was trained on',
        describe: 'The tile store whose held-out tiles judge the export',
      })
      .option('split', {
        type: 'string',
        requiresArg: true,
        defaultDescription: "the run's split.csv",
        describe: 'A CSV with the columns path,part that says which tiles are held out',
      })
      .option('tiles', {
        type: 'number',
        requiresArg: true,
        defaultDescription: '128; int8: 1000',
        describe: 'At most so many held-out tiles',
      })
      .option('force', FORCE)
      .example('$0 export run/model --precision fp16 -o onnx', 'writes onnx/model.fp16.onnx')
      .example('$0 export run/model --triton repository', 'then: tritonserver --model-repository'),
  async run(argv, { task }) {
    const tfjsGraph = argv['tfjs-graph'];
    if (argv.output === undefined && argv.triton === undefined && tfjsGraph === undefined) {
      throw new LungclsError('USAGE', 'Expected at least one of -o, --triton and --tfjs-graph');
    }
    const { exportModel } = await import('../../export/export-model.js');
    const { percent } = await import('../../export/gate.js');
    const { model, precision, output, triton, store, split, tiles, force } = argv;
    const result = await exportModel({
      ...task,
      ...defined({ model, precision, output, triton, tfjsGraph, store, split, tiles, force }),
    });
    const { figures, tfjsGraphFigures, quantization } = result;
    return {
      value: result,
      lines: [
        ...(quantization === undefined
          ? []
          : [
              `Rounded with ranges by ${quantization.chosen.range === 'largest' ? 'the largest value' : "the batches' mean"}, ` +
                `channels ${quantization.chosen.equalize ? '' : 'not '}equalized: the best of ${String(quantization.tried.length)} ways on training tiles`,
            ]),
        ...(figures === undefined
          ? []
          : [
              `ONNX ${precision} beside tfjs on ${formatCount(figures.tiles)} held-out tiles: ` +
                `probabilities within ${figures.maxDifference.toPrecision(2)}, ${percent(figures.sameClass)} the same class` +
                (figures.labelled === 0
                  ? ''
                  : `, accuracy ${percent(figures.accuracy)} (tfjs ${percent(figures.referenceAccuracy)})`),
            ]),
        ...(tfjsGraphFigures === undefined
          ? []
          : [
              `The graph model beside the layers model on ${formatCount(tfjsGraphFigures.tiles)} held-out tiles: ` +
                `probabilities within ${tfjsGraphFigures.maxDifference.toPrecision(2)}`,
            ]),
        ...(result.onnx === undefined ? [] : [`ONNX: ${result.onnx}`]),
        ...(result.triton === undefined ? [] : [`Triton: ${result.triton}`]),
        ...(result.tfjsGraph === undefined ? [] : [`TensorFlow.js: ${result.tfjsGraph}`]),
      ],
    };
  },
});
