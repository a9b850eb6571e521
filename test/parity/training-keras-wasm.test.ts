import { kerasTests } from '../fixtures/training/keras-tests.js';

// A file a backend: tfjs keeps its backend in a global.
kerasTests('wasm');
