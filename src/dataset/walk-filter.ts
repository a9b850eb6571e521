/** What a walk through folders takes, and which folders it enters. */
import { isImageName } from './names.js';

export interface WalkFilter {
  /** Whether a file of that name in this folder is taken. */
  takes(name: string): boolean;
  /** The filter inside a folder of that name; undefined where it need not be opened. */
  enter(name: string): WalkFilter | undefined;
}

export const EVERY_IMAGE: WalkFilter = {
  takes: isImageName,
  enter: () => EVERY_IMAGE,
};
