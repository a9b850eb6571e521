/**
 * A model repository for NVIDIA Triton: `<name>/config.pbtxt`, `<name>/labels.txt` and
 * `<name>/1/model.onnx`. The configuration is a ModelConfig of
 * github.com/triton-inference-server/common, protobuf/model_config.proto, as text.
 */
import type { Precision } from '../bundle/metadata.js';
import { TOOL_VERSION } from '../config.js';
import { outputsOf, type ElementType, type OnnxModel, type OnnxValue } from '../onnx/model.js';
import { PROBABILITIES_OUTPUT } from '../onnx/export.js';
import type { FileChunks } from '../storage/chunks.js';

/** Most tiles a batch: 12.6 MB of pixels. */
const MAX_BATCH_SIZE = 64;
/** How long a request may wait for others; short beside what a batch takes. */
const QUEUE_DELAY_MICROSECONDS = 2000;
const LABELS = 'labels.txt';
const MODEL = 'model.onnx';
const VERSION = '1';

const TYPES: Readonly<Record<ElementType, string>> = {
  float32: 'TYPE_FP32',
  float16: 'TYPE_FP16',
  uint8: 'TYPE_UINT8',
  int8: 'TYPE_INT8',
  int32: 'TYPE_INT32',
  int64: 'TYPE_INT64',
};

/** The model's name in Triton, and its folder: one a precision, so that several stand side by side. */
export function tritonName(precision: Precision): string {
  return `lungcls_${precision}`;
}

/** Names of the files in a repository. */
export function tritonNames(precision: Precision): string[] {
  const name = tritonName(precision);
  return [`${name}/${VERSION}/${MODEL}`, `${name}/${LABELS}`, `${name}/config.pbtxt`];
}

/** The files of a repository, by name. */
export function tritonFiles(
  model: OnnxModel,
  onnx: FileChunks,
  { precision, classes }: { precision: Precision; classes: readonly string[] },
): Map<string, FileChunks> {
  const [modelName = '', labelsName = '', configName = ''] = tritonNames(precision);
  return new Map<string, FileChunks>([
    [modelName, onnx],
    // A line a class, in the order of the probabilities.
    [labelsName, [Buffer.from(classes.map((name) => `${name}\n`).join(''))]],
    [configName, [Buffer.from(tritonConfig(model, precision))]],
  ]);
}

/** config.pbtxt */
export function tritonConfig(model: OnnxModel, precision: Precision): string {
  const outputs = outputsOf(model).map((value) =>
    tensor(value, value.name === PROBABILITIES_OUTPUT ? [`label_filename: "${LABELS}"`] : []),
  );
  return `# Written by lungcls-fast ${TOOL_VERSION}. The folder's name is the model's.
name: "${tritonName(precision)}"
platform: "onnxruntime_onnx"
default_model_filename: "${MODEL}"
max_batch_size: ${String(MAX_BATCH_SIZE)}

# RGB tiles of 0 to 255, a batch of them as [N, ${model.input.shape.slice(1).join(', ')}]; normalised inside the model.
input [
${tensor(model.input, ['format: FORMAT_NHWC'])}
]

# A request gets those outputs that it names.
output [
${outputs.join(',\n')}
]

# Requests that wait together become one batch.
dynamic_batching {
  max_queue_delay_microseconds: ${String(QUEUE_DELAY_MICROSECONDS)}
}

${instances(precision)}
${precision === 'int8' ? '' : `\n${tensorRt(precision)}`}`;
}

/** A ModelInput or ModelOutput; the batch is not among its dimensions. */
function tensor({ name, type, shape }: OnnxValue, more: readonly string[]): string {
  const fields = [
    `name: "${name}"`,
    `data_type: ${TYPES[type]}`,
    `dims: [ ${shape.slice(1).join(', ')} ]`,
    ...more,
  ];
  return `  {\n${fields.map((line) => `    ${line}\n`).join('')}  }`;
}

function instances(precision: Precision): string {
  if (precision !== 'int8') {
    return `# One copy of the model on every GPU, or one on the CPU where there is none.
instance_group [
  {
    count: 1
    kind: KIND_AUTO
  }
]
`;
  }
  return `# For the CPU: the CUDA provider has no integer kernels, and TensorRT takes no uint8. Copies of
# one thread each are fastest; give as many as there are cores.
instance_group [
  {
    count: 2
    kind: KIND_CPU
  }
]
parameters {
  key: "intra_op_thread_count"
  value: { string_value: "1" }
}
`;
}

/** As a comment: it needs a Triton that was built with TensorRT, and minutes for its first start. */
function tensorRt(precision: Precision): string {
  const text = `optimization {
  execution_accelerators {
    gpu_execution_accelerator: [
      {
        name: "tensorrt"
        parameters { key: "precision_mode" value: "${precision === 'fp16' ? 'FP16' : 'FP32'}" }
        parameters { key: "max_workspace_size_bytes" value: "1073741824" }
        parameters { key: "trt_engine_cache_enable" value: "true" }
        parameters { key: "trt_engine_cache_path" value: "/tmp/lungcls-tensorrt" }
      }
    ]
  }
}
`;
  const head = `# TensorRT in place of the CUDA provider: faster; building its engines takes minutes once.\n`;
  return head + text.trimEnd().replaceAll(/^/gm, '# ') + '\n';
}
