/** The public API of lungcls-fast: re-exports, nothing else. */
export { ERROR_CODES, LungclsError, type ErrorCode } from './errors.js';
export type { Progress, TaskOptions } from './runtime/progress.js';
