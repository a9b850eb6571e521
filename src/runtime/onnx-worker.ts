/**
 * The thread that an ONNX session lives in: onnxruntime-node's run() blocks the thread that calls it.
 * Runs are answered in the order in which they were asked for. Started by onnx-session.ts alone.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor, env } from 'onnxruntime-node';
import { messageOf } from '../errors.js';
import { FLAGS } from './onnx-protocol.js';
import type {
  Attempt,
  OutputTensor,
  ProviderFailure,
  ProviderName,
  Reply,
  Request,
  RunRequest,
  WorkerStart,
} from './onnx-protocol.js';

/** Errors alone: what goes wrong also arrives as an exception. */
const LOG_ERRORS = 3;

async function createSession(start: WorkerStart): Promise<{
  session: InferenceSession | undefined;
  provider: ProviderName;
  failures: ProviderFailure[];
}> {
  const failures: ProviderFailure[] = [];
  for (const attempt of start.attempts) {
    const { provider } = attempt;
    const options: InferenceSession.SessionOptions = {
      executionProviders: executionProviders(attempt),
      intraOpNumThreads: start.threads,
      interOpNumThreads: 1,
      logSeverityLevel: LOG_ERRORS,
    };
    try {
      // Two calls, because the two are overloads.
      const session =
        typeof start.model === 'string'
          ? await InferenceSession.create(start.model, options)
          : await InferenceSession.create(start.model, options);
      return { session, provider, failures };
    } catch (error) {
      failures.push({ provider, message: messageOf(error) });
    }
  }
  return { session: undefined, provider: 'cpu', failures };
}

function executionProviders({
  provider,
  number,
}: Attempt): InferenceSession.ExecutionProviderConfig[] {
  const which = number === undefined ? {} : { deviceId: number };
  switch (provider) {
    case 'cuda':
      return [{ name: 'cuda', ...which }];
    case 'tensorrt':
      // What TensorRT does not take runs on CUDA, on the same GPU.
      return [
        { name: 'tensorrt', ...which },
        { name: 'cuda', ...which },
      ];
    case 'dml':
      return [{ name: 'dml', ...which }];
    default:
      return [provider];
  }
}

/** Runs the model on one input; every output that is asked for is float32. */
async function run(
  session: InferenceSession,
  request: RunRequest,
): Promise<Map<string, OutputTensor>> {
  const name = session.inputNames[0];
  const description = session.inputMetadata[0];
  if (name === undefined || session.inputNames.length !== 1) {
    throw new Error(`expected a model with one input but it has ${session.inputNames.join(', ')}`);
  }
  if (description?.isTensor !== true || description.type !== 'uint8') {
    const type = description?.isTensor === true ? description.type : 'no tensor';
    throw new Error(`expected a model whose input "${name}" is uint8 but it is ${type}`);
  }
  const tiles = new Tensor(
    'uint8',
    new Uint8Array(request.input, 0, request.length),
    request.shape,
  );
  const results = await session.run({ [name]: tiles }, request.outputs ?? session.outputNames);
  const outputs = new Map<string, OutputTensor>();
  for (const [output, value] of Object.entries(results)) {
    if (!(value.data instanceof Float32Array)) {
      throw new Error(
        `expected float32 for the output "${output}" but the model gives ${value.type}`,
      );
    }
    outputs.set(output, { data: value.data, shape: [...value.dims] });
  }
  return outputs;
}

const port = parentPort;
if (port === null) throw new Error('onnx-worker.js is started by onnx-session.js');
const start = workerData as WorkerStart;
const flags = new Int32Array(start.flags);
const setBusy = (busy: 0 | 1): void => {
  Atomics.store(flags, FLAGS.busy, busy);
  Atomics.notify(flags, FLAGS.busy);
};
const send = (reply: Reply, transfer: ArrayBuffer[] = []): void => {
  port.postMessage(reply, transfer);
};

setBusy(1);
const { session, provider, failures } = await createSession(start);
setBusy(0);
if (session === undefined) {
  send({ kind: 'failed', failures });
} else {
  const answer = async (request: RunRequest): Promise<void> => {
    const { id, input } = request;
    setBusy(1);
    try {
      // Looked at after `busy` is set: whoever sets it and then sees no `busy` is sure that none follows.
      if (Atomics.load(flags, FLAGS.stop) !== 0) throw new Error('dropped');
      const outputs = await run(session, request);
      setBusy(0);
      const buffers = [...outputs.values()].map((output) => output.data.buffer as ArrayBuffer);
      send({ kind: 'result', id, input, outputs }, [input, ...buffers]);
    } catch (error) {
      setBusy(0);
      send({ kind: 'error', id, message: messageOf(error) });
    }
  };

  let queue = Promise.resolve();
  port.on('message', (request: Request) => {
    queue = queue.then(async () => {
      if (request.kind === 'run') return answer(request);
      await session.release();
      // Without its port nothing keeps the thread alive.
      port.close();
    });
  });
  send({
    kind: 'ready',
    provider,
    version: env.versions.node ?? env.versions.common,
    outputs: session.outputNames,
    failures,
  });
}
