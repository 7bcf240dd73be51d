/** The matrix of the country: read once, it changes only with the pack. */

import { read } from './api';
import type { Matrix } from './types';

let asked: Promise<Matrix> | null = null;

export function readMatrix(): Promise<Matrix> {
  asked ??= read<Matrix>('matrix').catch((error: unknown) => {
    // A failure is no answer: who asks next asks again.
    asked = null;
    throw error;
  });
  return asked;
}
