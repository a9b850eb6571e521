// Where libtensorflow can be had, best first, each pinned by version and, where it is known, by hash.
import { arch, platform } from 'node:os';

const STORAGE = 'https://storage.googleapis.com';

/**
 * What the install scripts of tfjs-node-gpu and tfjs-node 4.22.0 download (scripts/install.js and
 * scripts/deps-constants.js there). Google states no hashes; these are the ones that distributions
 * have pinned: nixpkgs (mjolnir, nextcloud recognize) and the Bazel files of wamuir/graft.
 */
const DOWNLOADS = {
  'gpu-linux-x64': {
    id: 'libtensorflow-gpu-2.9.1',
    url: `${STORAGE}/tensorflow/libtensorflow/libtensorflow-gpu-linux-x86_64-2.9.1.tar.gz`,
    sha256: '20c46f761d5905f592c4eac0812e8e50d9cb439f9440a9391912cf4c02ed8be8',
  },
  'cpu-linux-x64': {
    id: 'libtensorflow-cpu-2.9.1',
    url: `${STORAGE}/tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz`,
    sha256: '7f510d2546e3db5e10b1d119463689003d587842892ad3c95bca51cf82820173',
  },
  'cpu-darwin-x64': {
    id: 'libtensorflow-cpu-2.9.1',
    url: `${STORAGE}/tensorflow/libtensorflow/libtensorflow-cpu-darwin-x86_64-2.9.1.tar.gz`,
    sha256: '56f83d3320ba0f69aaafd6c058645e1b7fbc75fb9a3fc36d6be98de1291ca226',
  },
  'cpu-linux-arm64': {
    id: 'libtensorflow-cpu-2.7',
    url: `${STORAGE}/tf-builds/libtensorflow_r2_7_linux_arm64.tar.gz`,
    sha256: '9395d1ff39f5b6847f5121e679ff4e599dc7061a2a7f87ceac061c78e908e6e3',
  },
  'cpu-darwin-arm64': {
    id: 'libtensorflow-cpu-2.7',
    url: `${STORAGE}/tf-builds/libtensorflow_r2_7_darwin_arm64_cpu.tar.gz`,
    sha256: '13ab22b97e2af06e431aaeb7b42fb89981965dd01aa16da035d8210aa4183d79',
  },
};

/** Platform tags of TensorFlow's wheels (PEP 425). */
const WHEEL_PLATFORMS = {
  'linux-x64': 'manylinux_2_27_x86_64',
  'linux-arm64': 'manylinux_2_27_aarch64',
  'darwin-arm64': 'macosx_12_0_arm64',
};

const WHEEL_VERSION = '2.21.0';

/**
 * The wheels are all asked for as CPython 3.11's, whichever Python runs pip: only the C library and the
 * C headers are taken out of them. Where no hash is pinned, pip checks the one of the package index.
 */
function wheels(system) {
  const tag = WHEEL_PLATFORMS[system];
  if (tag === undefined) return [];
  const wheel = (name, sha256) => ({
    kind: 'wheel',
    id: `${name}-${WHEEL_VERSION}`,
    package: name,
    version: WHEEL_VERSION,
    platform: tag,
    device: 'cpu',
    origin: `the Python wheel ${name} ${WHEEL_VERSION}`,
    ...(sha256 === undefined ? {} : { sha256 }),
  });
  // tensorflow-cpu is published for x86-64 alone; elsewhere tensorflow is the CPU build.
  return system === 'linux-x64'
    ? [
        wheel('tensorflow-cpu', '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c'),
        wheel('tensorflow'),
      ]
    : [wheel('tensorflow')];
}

/** The sources for this machine, best first. The GPU build is of use only with an NVIDIA driver. */
export function libtensorflowSources({ gpu, system = `${platform()}-${arch()}` }) {
  const sources = [];
  const download = (device, origin) => {
    const found = DOWNLOADS[`${device}-${system}`];
    if (found !== undefined) sources.push({ kind: 'download', device, origin, ...found });
  };
  if (gpu) download('gpu', "tfjs-node-gpu's own download");
  download('cpu', "tfjs-node's own download");
  return [...sources, ...wheels(system)];
}
