import { LungclsError } from '../errors.js';

/** The error of an option that is not what it should be. */
export function expected(what: string, name: string, value: unknown): LungclsError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new LungclsError(
    'INVALID_OPTION',
    `Expected ${what} for ${name} but received ${shown} of type ${typeof value}`,
  );
}
