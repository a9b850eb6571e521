import { fitTests } from '../fixtures/training/fit-tests.js';

// A file a backend: tfjs keeps its backend in a global.
fitTests('tfjs-node', false);
fitTests('tfjs-node', true);
