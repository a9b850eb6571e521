/** Opens a model: a bundle's folder, or a lone .onnx out of one. */
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DomainModel } from '../domain/domain.js';
import { decodeDomain } from '../domain/file.js';
import { LungclsError, readError } from '../errors.js';
import { readOnnxMetadata, SEAL_KEY, verifySeal } from '../onnx/metadata.js';
import { sha256File } from '../storage/hash.js';
import {
  describeModel,
  DOMAIN_FILE,
  DOMAIN_METADATA_KEY,
  FP16_FILE,
  INT8_FILE,
  invalid,
  METADATA_FILE,
  ONNX_FILE,
  ONNX_METADATA_KEY,
  parseDescription,
  parseMetadata,
  PRECISION_FILES,
  TFJS_FOLDER,
  type ModelMetadata,
  type Precision,
} from './metadata.js';

export interface Bundle {
  readonly metadata: ModelMetadata;
  /** The model's float32 file, or the lone .onnx that was opened. */
  readonly onnxPath: string;
  /** The half-precision file of a folder. */
  readonly fp16Path?: string;
  /** The 8-bit file of a folder, where it was good enough to be kept. */
  readonly int8Path?: string;
  /** What its training tiles are like; absent where it was trained by a version that did not look, or on too few. */
  readonly domain?: DomainModel;
  /** The folder of the tfjs layers model (its model.json is in it); a lone .onnx has none. */
  readonly tfjsPath?: string;
}

export interface OpenBundleOptions {
  /** Whose files are going to be used: only they are hashed. By default both. */
  engine?: 'onnx' | 'tfjs' | undefined;
  /** Which of a folder's ONNX files; fp32 by default. A lone file is what it is. */
  precision?: Precision | undefined;
}

/**
 * Opens a model and checks it: every file is there and has its size, those that are going to be used
 * have their hash, and the ONNX file carries the same description as lungcls.json. A precision whose
 * file is not there is MODEL_INVALID too.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | MODEL_INVALID
 */
export async function openBundle(path: string, options: OpenBundleOptions = {}): Promise<Bundle> {
  const info = await stat(path).catch((error: unknown) => {
    throw readError(error, path, 'model');
  });
  if (info.isDirectory()) return openFolder(path, options);
  if (options.precision !== undefined) {
    throw invalid(
      path,
      `expected a model bundle's folder for precision ${options.precision} but it is a lone file, which runs as it is`,
    );
  }
  return openLone(path);
}

async function openFolder(
  path: string,
  { engine, precision = 'fp32' }: OpenBundleOptions,
): Promise<Bundle> {
  const metadataPath = join(path, METADATA_FILE);
  const text = await readFile(metadataPath, 'utf8').catch((error: unknown) => {
    const cause = readError(error, metadataPath);
    if (cause.code !== 'INPUT_NOT_FOUND') throw cause;
    throw invalid(path, `expected a model bundle but there is no ${METADATA_FILE} in it`, cause);
  });
  const metadata = parseMetadata(text, metadataPath);
  const tfjsFiles = Object.keys(metadata.files).filter((name) =>
    name.startsWith(`${TFJS_FOLDER}/`),
  );
  for (const name of [ONNX_FILE, `${TFJS_FOLDER}/model.json`]) {
    if (metadata.files[name] === undefined) {
      throw invalid(metadataPath, `expected ${name} under files but it is not listed`);
    }
  }
  for (const name of Object.keys(metadata.files)) await checkSize(path, name, metadata);
  const onnxFile = PRECISION_FILES[precision];
  if (metadata.files[onnxFile] === undefined) {
    const reason = precision === 'int8' ? metadata.quantization?.reason : undefined;
    throw invalid(
      path,
      `expected ${onnxFile} for precision ${precision} but it is not in this bundle` +
        (reason === undefined || reason === '' ? '' : ` (${reason})`),
    );
  }
  const used = [...(engine === 'tfjs' ? [] : [onnxFile]), ...(engine === 'onnx' ? [] : tfjsFiles)];
  for (const name of used) await checkHash(path, name, metadata);
  // The hashes stand in lungcls.json; this is what vouches for lungcls.json itself.
  const { strings } = await readOnnxMetadata(join(path, onnxFile));
  if (strings[ONNX_METADATA_KEY] !== describeModel(metadata)) {
    throw invalid(
      metadataPath,
      `expected the description that ${onnxFile} carries but found another`,
    );
  }
  return {
    metadata,
    onnxPath: join(path, ONNX_FILE),
    ...(metadata.files[FP16_FILE] === undefined ? {} : { fp16Path: join(path, FP16_FILE) }),
    ...(metadata.files[INT8_FILE] === undefined ? {} : { int8Path: join(path, INT8_FILE) }),
    tfjsPath: join(path, TFJS_FOLDER),
    ...(metadata.files[DOMAIN_FILE] === undefined
      ? {}
      : { domain: await readDomain(path, metadata) }),
  };
}

/**
 * The ONNX file of a precision.
 * @throws LungclsError MODEL_INVALID if the bundle does not have it
 */
export function onnxFileOf(bundle: Bundle, precision: Precision = 'fp32'): string {
  const { onnxPath, fp16Path, int8Path } = bundle;
  const path = { fp32: onnxPath, fp16: fp16Path, int8: int8Path }[precision];
  if (path !== undefined) return path;
  throw invalid(onnxPath, `there is no ${PRECISION_FILES[precision]} beside it`);
}

async function openLone(path: string): Promise<Bundle> {
  const onnx = await readOnnxMetadata(path);
  const text = onnx.strings[ONNX_METADATA_KEY];
  const seal = onnx.strings[SEAL_KEY];
  if (text === undefined || seal === undefined) {
    throw invalid(
      path,
      `expected an .onnx that lungcls-fast wrote, with ${ONNX_METADATA_KEY} in its metadata, but found none`,
    );
  }
  const description = parseDescription(text, path);
  if (!(await verifySeal(path, onnx))) {
    throw invalid(path, `expected content of SHA-256 ${seal} but it has changed since`);
  }
  const { size } = await stat(path);
  const files = { [basename(path)]: { sha256: seal, bytes: size } };
  const domain = onnx.strings[DOMAIN_METADATA_KEY];
  return {
    metadata: { ...description, files },
    onnxPath: path,
    ...(domain === undefined
      ? {}
      : { domain: await decodeDomain(Buffer.from(domain, 'base64'), path) }),
  };
}

async function readDomain(folder: string, metadata: ModelMetadata): Promise<DomainModel> {
  await checkHash(folder, DOMAIN_FILE, metadata);
  const path = join(folder, DOMAIN_FILE);
  const bytes = await readFile(path).catch((error: unknown) => {
    throw readError(error, path);
  });
  return await decodeDomain(bytes, path);
}

async function checkSize(folder: string, name: string, metadata: ModelMetadata): Promise<void> {
  const path = join(folder, name);
  const expected = metadata.files[name]?.bytes;
  const info = await stat(path).catch((error: unknown) => {
    const cause = readError(error, path);
    if (cause.code !== 'INPUT_NOT_FOUND') throw cause;
    throw new LungclsError('MODEL_INVALID', `${folder}: expected ${name} but it is not there`, {
      cause,
      path,
    });
  });
  if (info.size !== expected) {
    throw invalid(path, `expected ${String(expected)} bytes but it has ${String(info.size)}`);
  }
}

async function checkHash(folder: string, name: string, metadata: ModelMetadata): Promise<void> {
  const path = join(folder, name);
  const expected = metadata.files[name]?.sha256;
  const found = await sha256File(path);
  if (found !== expected) {
    throw invalid(path, `expected SHA-256 ${String(expected)} but it has ${found}`);
  }
}
