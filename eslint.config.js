import { fileURLToPath } from 'node:url';
import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import rooms from './scripts/lint/rooms.mjs';

const root = fileURLToPath(new URL('.', import.meta.url));
const source = fileURLToPath(new URL('src', import.meta.url));
// What Node gives to scripts.
const NODE_GLOBALS = {
  console: 'readonly',
  process: 'readonly',
  performance: 'readonly',
  fetch: 'readonly',
  URL: 'readonly',
  AbortController: 'readonly',
  Buffer: 'readonly',
  clearTimeout: 'readonly',
  setTimeout: 'readonly',
};

export default tseslint.config(
  { ignores: ['dist/', 'build/', '.venv/', '.venv-peers/', 'node_modules/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root } },
    rules: {
      // Environment variables and JSON are read by index signature: tsconfig asks for brackets there.
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // With noUncheckedIndexedAccess every element of a typed array may be undefined; in a pixel loop
      // a check of each would cost more than the work.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { rooms },
    rules: { 'rooms/floors': ['error', { root: source }] },
  },
  {
    // Libraries neither print nor exit.
    files: ['src/**/*.ts'],
    ignores: ['src/cli/**'],
    rules: {
      'no-console': 'error',
      'no-restricted-properties': ['error', { object: 'process', property: 'exit' }],
    },
  },
  {
    files: ['test/**/*.ts'],
    // ava's tests are promises that the runner waits for.
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'ava', name: ['test', 'default', 'skip', 'serial'] },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { globals: NODE_GLOBALS },
  },
);
