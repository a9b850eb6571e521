/** Every command, in the order of the help page. */
import type { RegisterCommand } from '../command.js';
import { auditCommand } from './audit.js';
import { baseCommand } from './base.js';
import { benchCommand } from './bench.js';
import { completionCommand } from './completion.js';
import { demoCommand } from './demo.js';
import { doctorCommand } from './doctor.js';
import { evaluateCommand } from './evaluate.js';
import { explainCommand } from './explain.js';
import { exportCommand } from './export.js';
import { mergeCommand } from './merge.js';
import { predictCommand } from './predict.js';
import { preprocessCommand } from './preprocess.js';
import { samplesCommand } from './samples.js';
import { setupCommand } from './setup.js';
import { trainCommand } from './train.js';

export const COMMANDS: readonly RegisterCommand[] = [
  preprocessCommand,
  samplesCommand,
  auditCommand,
  trainCommand,
  evaluateCommand,
  explainCommand,
  predictCommand,
  mergeCommand,
  exportCommand,
  demoCommand,
  benchCommand,
  doctorCommand,
  baseCommand,
  setupCommand,
  completionCommand,
];
