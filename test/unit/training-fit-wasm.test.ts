import { fitTests } from '../fixtures/training/fit-tests.js';

// A file a backend: tfjs keeps its backend in a global.
fitTests('wasm', false);
fitTests('wasm', true);
